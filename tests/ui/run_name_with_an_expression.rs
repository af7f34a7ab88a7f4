use flowkit::prelude::*;

#[task(run_name = "{hyper.rate():.2}")]
fn train(hyper: Hyper) -> f64 {
    hyper.rate
}

#[task(run_name = "{hyper.rate:w$}")]
fn test(hyper: Hyper, w: usize) -> f64 {
    hyper.rate + w as f64
}

#[task(run_name = "{hyper.rat}")]
fn apply(hyper: Hyper) -> f64 {
    hyper.rate
}

#[derive(Clone)]
struct Hyper {
    rate: f64,
}

fn main() {}
