use flowkit::prelude::*;

#[task(retries = 3, retry_if = |error| error.len())]
async fn load(path: String) -> Result<String, String> {
    Ok(path)
}

#[task(retries = 3, retry_if = |error: &std::io::Error| error.kind() == std::io::ErrorKind::NotFound)]
async fn parse(path: String) -> Result<String, String> {
    Ok(path)
}

fn main() {}
