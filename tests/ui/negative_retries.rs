use flowkit::prelude::*;

#[task(retries = -1)]
async fn fetch() {}

fn main() {}
