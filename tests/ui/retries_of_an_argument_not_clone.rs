use flowkit::prelude::*;

struct Page(String);

#[task(retries = 3)]
async fn upload(url: String, page: Page) -> Result<usize> {
    Ok(url.len() + page.0.len())
}

fn main() {}
