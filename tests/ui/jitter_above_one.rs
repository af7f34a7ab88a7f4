use flowkit::prelude::*;

#[task(retries = 3, retry_delay = "1s", jitter = 1.5)]
async fn fetch() {}

fn main() {}
