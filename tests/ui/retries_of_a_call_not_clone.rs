use flowkit::prelude::*;

struct Page(String);

#[task]
async fn upload(page: Page) -> Result<usize> {
    Ok(page.0.len())
}

#[flow]
async fn etl() -> Result<usize> {
    Ok(upload(Page(String::new())).retries(3).await?)
}

fn main() {}
