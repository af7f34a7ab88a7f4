use flowkit::prelude::*;

#[task(cache_ttl = "1h")]
async fn fetch() -> usize {
    1
}

fn main() {}
