use flowkit::prelude::*;

#[task(resources(cpu = 2), log_prints)]
async fn fetch() {}

#[flow(cron = "0 6 * * *")]
async fn etl() {}

fn main() {}
