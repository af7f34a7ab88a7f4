use flowkit::prelude::*;

#[flow(max_concurency = 4)]
async fn etl() {}

fn main() {}
