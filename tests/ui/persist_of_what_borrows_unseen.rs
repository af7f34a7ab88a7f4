use flowkit::prelude::*;

type Names = Vec<&'static str>;

// The attribute cannot see the `&`, and says nothing of it. The compiler does.
#[task(persist = "always")]
async fn names() -> Names {
    vec!["a"]
}

fn main() {}
