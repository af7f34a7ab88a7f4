use flowkit::prelude::*;

#[task(retries = 3, retry_if = async |error| error.is_empty())]
async fn load(path: String) -> Result<usize, String> {
    Ok(path.len())
}

#[task(cache = async |path| path.len())]
async fn count(path: String) -> usize {
    path.len()
}

fn main() {}
