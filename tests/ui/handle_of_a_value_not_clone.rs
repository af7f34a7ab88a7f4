use flowkit::prelude::*;

struct Page(String);

#[task]
async fn load() -> Page {
    Page(String::new())
}

#[task]
async fn count(page: Page) -> usize {
    page.0.len()
}

#[flow]
async fn etl() -> Result<usize> {
    let page = load().submit();
    Ok(count::of(page).await?)
}

fn main() {}
