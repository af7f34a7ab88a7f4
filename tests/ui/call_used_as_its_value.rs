use flowkit::prelude::*;

#[task]
async fn count() -> usize {
    1
}

#[flow]
async fn etl() -> usize {
    let total: usize = count();
    count().submit() + total
}

fn main() {}
