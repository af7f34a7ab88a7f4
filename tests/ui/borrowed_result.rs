use flowkit::prelude::*;

#[task]
async fn first_word(page: &str) -> &str {
    page.split(' ').next().unwrap_or_default()
}

fn main() {}
