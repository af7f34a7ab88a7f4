use flowkit::prelude::*;

#[task(retries = "3")]
async fn fetch() {}

fn main() {}
