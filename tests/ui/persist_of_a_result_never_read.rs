use flowkit::prelude::*;

#[derive(serde::Serialize)]
struct Summary {
    words: usize,
}

#[flow(persist = "always")]
async fn summarize(page: String) -> Summary {
    Summary { words: page.len() }
}

fn main() {}
