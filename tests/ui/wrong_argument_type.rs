use flowkit::prelude::*;

#[task]
async fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[flow]
async fn sum() -> Result<u64> {
    Ok(add(1, "2").await?)
}

fn main() {}
