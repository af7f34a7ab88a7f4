use flowkit::prelude::*;

#[task(at_most_once, persist = "never")]
async fn pay(amount: u32) -> u32 {
    amount
}

fn main() {}
