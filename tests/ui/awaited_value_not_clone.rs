use flowkit::prelude::*;

struct Page(String);

#[task]
async fn load() -> Page {
    Page(String::new())
}

#[flow]
async fn etl() -> Result<usize> {
    let page = load().submit();
    let page = page.await?;
    Ok(page.0.len())
}

fn main() {}
