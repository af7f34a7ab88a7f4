use flowkit::prelude::*;

#[task(cache = "input")]
async fn fetch() -> usize {
    1
}

fn main() {}
