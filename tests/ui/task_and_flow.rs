use flowkit::prelude::*;

#[flow]
#[task]
async fn load() {}

fn main() {}
