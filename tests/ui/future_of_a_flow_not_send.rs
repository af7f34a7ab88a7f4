use std::cell::RefCell;
use std::rc::Rc;

use flowkit::prelude::*;

#[task]
async fn load() -> usize {
    1
}

#[flow]
async fn etl() -> Result<usize> {
    let sum = Rc::new(RefCell::new(0));
    *sum.borrow_mut() += load().await?;
    Ok(*sum.borrow())
}

fn main() {}
