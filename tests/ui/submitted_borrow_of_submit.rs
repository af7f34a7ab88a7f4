use flowkit::prelude::*;

#[task]
async fn count(page: &str) -> usize {
    page.len()
}

#[flow]
async fn etl() -> Result<usize> {
    let page = String::from("a b");
    let count = count::submit(page.as_str());
    Ok(count.await?)
}

fn main() {}
