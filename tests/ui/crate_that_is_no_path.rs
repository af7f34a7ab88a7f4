use flowkit::prelude::*;

#[task(crate = "my_prelude::flowkit")]
fn load(path: String) -> usize {
    path.len()
}

#[flow(crate)]
async fn etl() -> usize {
    0
}

fn main() {}
