use flowkit::prelude::*;

#[task(retry = 3, timeout = "5 parsecs", timeout = "1s", cache_ttl = 60)]
const fn fetch(url: &mut String) -> &str {
    url
}

fn main() {}
