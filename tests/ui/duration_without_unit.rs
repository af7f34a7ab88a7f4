use flowkit::prelude::*;

#[task(timeout = 30)]
async fn fetch() {}

fn main() {}
