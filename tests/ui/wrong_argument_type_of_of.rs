use flowkit::prelude::*;

#[task]
async fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[task]
async fn name() -> String {
    String::new()
}

#[flow]
async fn sum() -> Result<u64> {
    let name = name().submit();
    let one = add::of(1u64, "2").submit();
    let two = add::of(one, &name).submit();
    Ok(two.await?)
}

fn main() {}
