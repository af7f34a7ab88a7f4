use flowkit::prelude::*;

#[task(timeout = "0s")]
async fn fetch() {}

fn main() {}
