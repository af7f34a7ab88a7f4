use flowkit::prelude::*;

#[task(ignore = "client")]
async fn fetch(client: String) -> String {
    client
}

#[flow(ignore())]
async fn pages(client: String) -> Result<String> {
    Ok(fetch(client).await?)
}

fn main() {}
