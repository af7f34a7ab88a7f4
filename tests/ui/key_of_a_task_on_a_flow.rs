use flowkit::prelude::*;

#[flow(cache = "inputs", jitter = 0.5)]
async fn etl() {}

fn main() {}
