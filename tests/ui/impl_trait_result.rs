use flowkit::prelude::*;

#[task]
async fn pages() -> impl Iterator<Item = u32> {
    0..3
}

fn main() {}
