use flowkit::prelude::*;

struct Id(u32);

#[task(key = |page: &u32| Id(*page))]
async fn fetch(page: u32) -> u32 {
    page
}

fn main() {}
