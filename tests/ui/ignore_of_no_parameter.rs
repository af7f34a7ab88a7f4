use flowkit::prelude::*;

#[task(ignore(clinet, page, page))]
async fn fetch(client: String, page: u32) -> String {
    format!("{client} {page}")
}

fn main() {}
