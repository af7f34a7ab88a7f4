use flowkit::prelude::*;

#[task(retries = 3, retry_if = |error| error.len() > limit)]
async fn load(limit: usize) -> Result<usize, String> {
    Ok(limit)
}

fn main() {}
