use flowkit::prelude::*;

#[task(persist = "always")]
async fn same<T: Clone>(value: T) -> T {
    value
}

fn main() {}
