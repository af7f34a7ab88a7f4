use flowkit::prelude::*;

#[task]
async fn count(page: &str) -> usize {
    page.len()
}

#[flow]
async fn etl() -> Result<usize> {
    let page = String::from("a b");
    let count = count(&page).submit();
    Ok(count.await?)
}

fn main() {}
