use flowkit::prelude::*;

#[task]
#[tokio::test]
async fn load() {}

fn main() {}
