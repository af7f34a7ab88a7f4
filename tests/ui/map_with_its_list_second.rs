use flowkit::prelude::*;

#[derive(Clone, serde::Serialize)]
struct Client;

#[task]
async fn fetch(client: Client, url: String) -> String {
    let _ = client;
    url
}

#[flow]
async fn etl(urls: Vec<String>) -> Result<Vec<String>> {
    Ok(fetch::map(Client, urls).await?)
}

fn main() {}
