//! What the lines in a terminal say of real runs.

use std::sync::{Arc, Mutex};

use flowkit::Runtime;
use flowkit::prelude::*;
use flowkit::terminal::Lines;

#[task]
async fn fetch(region: u32) -> Result<u32, String> {
    if region == 1 { Err("no such region".into()) } else { Ok(region) }
}

#[flow]
async fn region(number: u32) -> Result<u32> {
    Ok(fetch(number).await?)
}

#[flow]
async fn regions() -> Result<Vec<u32>> {
    Ok(region::map([0, 1]).await?)
}

#[flow]
async fn apart() -> Result<u32> {
    region(0).run().await.into_result().map_err(Into::into)
}

/// Returns a runtime and the lines that its flow runs are worth.
fn listening() -> (Runtime, Arc<Mutex<Vec<String>>>) {
    let told = Arc::new(Mutex::new(Vec::new()));
    let lines = Mutex::new(Lines::default());
    let listener = Arc::clone(&told);
    let listen = move |notice: &flowkit::Notice<'_>| {
        let lines = lines.lock().expect("no poison").of(notice);
        listener.lock().expect("no poison").extend(lines);
    };
    (Runtime::builder().observe(listen).build(), told)
}

#[flowkit::test]
async fn the_tasks_of_mapped_sub_flows_are_told_apart_by_their_path() {
    let (runtime, told) = listening();
    regions().on(&runtime).await.unwrap_err();
    let told = told.lock().unwrap();
    let starts_with = |start: &str| told.iter().any(|line| line.starts_with(start));
    assert!(starts_with("start   region[0] "), "{told:#?}");
    assert!(starts_with("ok      region[0] › fetch "), "{told:#?}");
    assert!(starts_with("FAIL    region[1] › fetch "), "{told:#?}");
    assert!(starts_with("FAIL    region[1] "), "{told:#?}");
}

#[flowkit::test]
async fn the_root_cause_in_a_sub_flow_is_told_just_before_the_summary() {
    let (runtime, told) = listening();
    regions().on(&runtime).await.unwrap_err();
    let told = told.lock().unwrap();
    let [.., cause, summary] = told.as_slice() else { panic!("{told:#?}") };
    assert!(cause.starts_with("cause   region[1] › fetch "), "{cause}");
    assert!(cause.contains("error=\"no such region\" at=") && cause.contains("terminal.rs:"), "{cause}");
    assert!(
        summary.starts_with("FAILED  regions ") && summary.ends_with("2 tasks: 1 ran 1 failed"),
        "{summary}"
    );
}

#[flowkit::test]
async fn a_run_started_apart_inside_a_flow_goes_by_its_own_name() {
    let (runtime, told) = listening();
    apart().on(&runtime).await.unwrap();
    let told = told.lock().unwrap();
    assert!(told.iter().any(|line| line.starts_with("ok      region › fetch ")), "{told:#?}");
}
