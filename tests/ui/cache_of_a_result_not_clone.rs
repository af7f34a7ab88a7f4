use flowkit::prelude::*;

struct Summary(usize);

#[task(cache = "inputs")]
async fn summarize(page: String) -> Result<Summary, String> {
    Ok(Summary(page.len()))
}

fn main() {}
