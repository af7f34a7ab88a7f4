use std::rc::Rc;

use flowkit::prelude::*;

#[task]
async fn load(path: String) -> Result<Rc<String>, std::io::Error> {
    Ok(Rc::new(path))
}

fn main() {}
