use flowkit::prelude::*;

#[task]
async fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[flow]
async fn sum() -> Result<u64> {
    let one = add(1).submit();
    Ok(add::of(one).await?)
}

fn main() {}
