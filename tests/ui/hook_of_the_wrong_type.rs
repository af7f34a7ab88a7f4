use flowkit::prelude::*;

fn notify(name: &str) {
    println!("{name}");
}

#[task(on_failure = notify, on_success = |run, attempt| println!("{run:?} {attempt}"))]
async fn load() {}

fn main() {}
