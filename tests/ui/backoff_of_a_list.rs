use flowkit::prelude::*;

#[task(retries = 3, retry_delay = ["1s", "5s"], backoff = "linear")]
async fn fetch() {}

fn main() {}
