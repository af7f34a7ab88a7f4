use flowkit::prelude::*;

struct Page(String);

#[task(cache = |page, day| page.0.clone())]
async fn load(page: Page) -> usize {
    page.0.len()
}

#[task(cache = |page| page)]
async fn count(page: Page) -> usize {
    page.0.len()
}

fn main() {}
