use flowkit::prelude::*;

#[derive(Clone)]
struct Page(String);

#[task(cache = "inputs")]
async fn count(page: Page, limit: usize) -> usize {
    page.0.len().min(limit)
}

fn main() {}
