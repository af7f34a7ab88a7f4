use flowkit::prelude::*;

#[flow]
pub fn etl(top: usize) -> usize {
    top
}

fn main() {}
