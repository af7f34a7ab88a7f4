use flowkit::prelude::*;

#[task]
#[task(retries = 3)]
async fn load() {}

fn main() {}
