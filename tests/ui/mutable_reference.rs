use flowkit::prelude::*;

#[task]
async fn sort(pages: &mut Vec<u32>) {
    pages.sort();
}

fn main() {}
