use flowkit::prelude::*;

#[task(run_name = "etl-{dat}")]
async fn etl(date: String) -> String {
    date
}

fn main() {}
