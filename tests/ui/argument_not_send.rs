use std::rc::Rc;

use flowkit::prelude::*;

#[task]
async fn count(page: Rc<String>) -> usize {
    page.len()
}

fn main() {}
