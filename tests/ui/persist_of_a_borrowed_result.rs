use flowkit::prelude::*;

#[task(persist = "always")]
async fn name() -> Result<&'static str, String> {
    Ok("a")
}

fn main() {}
