use flowkit::prelude::*;

#[task]
pub struct Page {
    url: String,
}

fn main() {
    let _ = Page { url: String::new() };
}
