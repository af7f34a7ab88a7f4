use flowkit::prelude::*;

#[task(trigger = "all_succes")]
async fn fetch() {}

fn main() {}
