use flowkit::prelude::*;

type Names = Vec<&'static str>;

// The attribute cannot see the `&`. Own the text, or say `persist = "never"`.
#[task]
async fn names() -> Names {
    vec!["a"]
}

fn main() {}
