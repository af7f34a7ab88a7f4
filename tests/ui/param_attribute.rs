use flowkit::prelude::*;

#[flow]
async fn etl(
    #[param(default = 100)] top: usize,
    #[param(defualt = 100)] bottom: usize,
    #[param(default = 1, default = 2)] left: usize,
    #[param] right: usize,
) -> usize {
    top + bottom + left + right
}

#[task]
async fn first(#[param(default = 100)] top: usize) -> usize {
    top
}

fn main() {}
