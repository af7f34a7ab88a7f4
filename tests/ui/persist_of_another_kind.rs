use flowkit::prelude::*;

#[task(persist = "allways")]
async fn fetch() {}

#[task(persist = true)]
async fn parse() {}

#[flow(persist)]
async fn etl() {}

fn main() {}
