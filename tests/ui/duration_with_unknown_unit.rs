use flowkit::prelude::*;

#[task(timeout = "1h 5 parsecs")]
async fn fetch() {}

fn main() {}
