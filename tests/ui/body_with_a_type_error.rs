use flowkit::prelude::*;

#[task]
async fn count(page: String) -> Result<usize, std::io::Error> {
    let length: u32 = page.len();
    Ok(length)
}

fn main() {}
