use flowkit::prelude::*;

#[task(persist = "auto", at_most_once, resources(cpu = 2), log_prints)]
async fn fetch() {}

#[flow(durability = "full", cron = "0 6 * * *")]
async fn etl() {}

fn main() {}
