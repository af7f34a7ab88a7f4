use flowkit::prelude::*;

#[task(cache = "inputs", persist = "never")]
async fn fetch(url: String) -> usize {
    url.len()
}

fn main() {}
