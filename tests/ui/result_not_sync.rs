use std::cell::Cell;

use flowkit::prelude::*;

#[task]
fn count(page: String) -> Cell<usize> {
    Cell::new(page.len())
}

fn main() {}
