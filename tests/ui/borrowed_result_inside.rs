use std::borrow::Cow;

use flowkit::prelude::*;

#[task]
async fn trim<'a>(page: &'a str) -> Result<Cow<'a, str>, String> {
    Ok(page.trim().into())
}

fn main() {}
