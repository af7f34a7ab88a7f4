use flowkit::prelude::*;

#[flow]
async fn etl(date: &str, pages: &[String]) -> usize {
    date.len() + pages.len()
}

fn main() {}
