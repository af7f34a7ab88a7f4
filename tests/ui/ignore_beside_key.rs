use flowkit::prelude::*;

#[task(ignore(client), key = |_client, page| *page)]
async fn fetch(client: String, page: u32) -> String {
    format!("{client} {page}")
}

fn main() {}
