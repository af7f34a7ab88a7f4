use flowkit::prelude::*;

#[derive(Clone)]
struct Page;

#[task(run_name = "read-{page}")]
async fn read(page: Page) {
    drop(page);
}

#[task(run_name = "read-{page:?}")]
async fn inspect(page: Page) {
    drop(page);
}

fn main() {}
