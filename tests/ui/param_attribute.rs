use flowkit::prelude::*;

#[flow]
async fn etl(#[param(default = 100)] top: usize) -> usize {
    top
}

fn main() {}
