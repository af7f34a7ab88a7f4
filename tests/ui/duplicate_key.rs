use flowkit::prelude::*;

#[task(timeout = "1s", retries = 3, timeout = "2s")]
async fn fetch() {}

fn main() {}
