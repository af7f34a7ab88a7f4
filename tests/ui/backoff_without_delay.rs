use flowkit::prelude::*;

#[task(retries = 3, backoff = "exponential")]
async fn fetch() {}

fn main() {}
