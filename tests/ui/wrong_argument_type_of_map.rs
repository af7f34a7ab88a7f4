use flowkit::prelude::*;

#[task]
async fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[flow]
async fn sum() -> Result<u64> {
    let sums = add::map(vec!["1", "2"], 2u64).await?;
    let sums = add::map(sums, "2").await?;
    let sums = add::map(3u64, sums[0]).await?;
    Ok(sums[0])
}

fn main() {}
