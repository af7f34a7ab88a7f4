use flowkit::FlowRunId;
use flowkit::prelude::*;

#[task]
async fn fetch() {}

fn go_on(id: FlowRunId) {
    let _ = fetch::resume(id);
}

fn main() {}
