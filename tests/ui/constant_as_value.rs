use flowkit::prelude::*;

const TRIES: u32 = 3;

#[task(retries = TRIES, timeout = concat!("3", "s"))]
fn load(path: String) -> usize {
    path.len()
}

fn main() {}
