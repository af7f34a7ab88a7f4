use flowkit::prelude::*;

#[task(resources(cpu = 2), ensure = |x| x > 0)]
async fn fetch() {}

#[flow(cron = "0 6 * * *")]
async fn etl() {}

fn main() {}
