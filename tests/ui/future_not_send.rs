use std::rc::Rc;

use flowkit::prelude::*;

#[task]
async fn count(page: String) -> usize {
    let shared = Rc::new(page);
    sleep(std::time::Duration::from_secs(1)).await;
    shared.len()
}

fn main() {}
