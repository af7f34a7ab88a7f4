use flowkit::prelude::*;

struct Receipt(u32);

#[task(at_most_once)]
async fn pay(amount: u32) -> Receipt {
    Receipt(amount)
}

fn main() {}
