use flowkit::prelude::*;

struct Pool(u32);

#[task(at_most_once)]
async fn pay(pool: &Pool, amount: u32) -> u32 {
    amount + pool.0
}

#[task(at_most_once, ignore(pool))]
async fn refund(pool: &Pool, amount: u32) -> u32 {
    amount + pool.0
}

#[task(persist = "always", key = |_pool: &Pool, amount: &u32| *amount)]
async fn charge(pool: &Pool, amount: u32) -> u32 {
    amount + pool.0
}

fn main() {}
