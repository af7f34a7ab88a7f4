use flowkit::prelude::*;

#[task]
async fn count(page: &str) -> usize {
    page.len()
}

#[task]
async fn numbers() -> Vec<u32> {
    vec![1]
}

#[flow]
async fn etl() -> Result<usize> {
    let numbers = numbers().submit();
    Ok(count::of(&numbers).await?)
}

fn main() {}
