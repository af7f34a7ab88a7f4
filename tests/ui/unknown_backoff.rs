use flowkit::prelude::*;

#[task(retries = 3, retry_delay = "1s", backoff = "exponental")]
async fn fetch() {}

fn main() {}
