use flowkit::prelude::*;

#[flow(durability = "relax")]
async fn etl() {}

fn main() {}
