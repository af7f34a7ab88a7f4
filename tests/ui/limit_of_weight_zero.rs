use flowkit::prelude::*;

#[task(concurrency = "gpu:0")]
async fn train() {}

fn main() {}
