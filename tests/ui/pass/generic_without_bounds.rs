use flowkit::prelude::*;

#[task]
async fn same<T>(value: T) -> T {
    value
}

fn main() {}
