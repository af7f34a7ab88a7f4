use flowkit::prelude::*;

#[task]
async fn count(pages: impl Iterator<Item = u32>) -> usize {
    pages.count()
}

fn main() {}
