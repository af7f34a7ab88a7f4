use flowkit::prelude::*;

struct Summary(usize);

#[task(persist = "always")]
async fn summarize(page: String) -> Result<Summary, String> {
    Ok(Summary(page.len()))
}

fn main() {}
