use flowkit::prelude::*;

#[task(at_most_once, retries = 3)]
async fn pay(amount: u32) -> Result<u32, String> {
    Ok(amount)
}

fn main() {}
