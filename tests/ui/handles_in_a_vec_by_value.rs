use flowkit::prelude::*;

#[task]
async fn number() -> u32 {
    1
}

#[task]
async fn sum(numbers: Vec<u32>) -> u32 {
    numbers.iter().sum()
}

#[task]
async fn most(numbers: &[u32]) -> u32 {
    numbers.iter().max().copied().unwrap_or_default()
}

#[task]
async fn or_zero(number: Option<u32>) -> u32 {
    number.unwrap_or_default()
}

#[flow]
async fn etl() -> Result<()> {
    let handles = vec![number().submit(), number().submit()];
    sum::of(handles.clone()).await?;
    most::of(handles).await?;
    or_zero::of(Some(number().submit())).await?;
    Ok(())
}

fn main() {}
