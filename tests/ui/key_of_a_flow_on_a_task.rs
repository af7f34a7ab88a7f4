use flowkit::prelude::*;

#[task(max_concurrency = 4)]
async fn fetch() {}

fn main() {}
