use flowkit::prelude::*;

#[task(retries = 3 timeout = "2s")]
async fn fetch() {}

fn main() {}
