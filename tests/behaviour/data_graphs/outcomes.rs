//! Fan-in that tolerates failures: a list of results as an argument, with an edge from each run.

use std::sync::atomic::{AtomicUsize, Ordering};

use flowkit::prelude::*;
use flowkit::store::MemoryStore;
use flowkit::{FlowRun, Runtime, TaskError};

#[task]
async fn parse(page: String) -> Result<u32, String> {
    page.parse().map_err(|_| format!("no number: {page}"))
}

type Parsed = std::result::Result<u32, Error<String>>;

#[task]
async fn report(pages: &[Parsed]) -> (u32, usize) {
    (pages.iter().flatten().sum(), pages.iter().filter(|page| page.is_err()).count())
}

#[task]
async fn report_of_vec(pages: Vec<Parsed>) -> (u32, usize) {
    (pages.iter().flatten().sum(), pages.iter().filter(|page| page.is_err()).count())
}

fn edges<T, E: TaskError>(run: &FlowRun<T, E>, task: &str) -> Vec<usize> {
    run.task_runs().iter().filter(|run| run.task.starts_with(task)).map(|run| run.edges.len()).collect()
}

fn pages() -> Vec<String> {
    ["1", "x", "3"].map(str::to_owned).to_vec()
}

#[flow]
async fn tolerant(pages: Vec<String>) -> Result<Vec<(u32, usize)>> {
    let parsed = parse::map(pages);
    let handles = parsed.clone().into_vec();
    Ok(vec![
        report::of(allow_failure(&parsed)).await?,
        report::submit(settle_all(&parsed)).await?,
        report::of(settle_all(&handles)).await?,
        report_of_vec::of(settle_all(handles)).await?,
        report_of_vec::submit(allow_failure(&parsed)).await?,
        report_of_vec::of(settle_all(parsed)).await?,
    ])
}

#[flowkit::test]
async fn failures_in_a_list_are_values_and_keep_their_edges() {
    let run = tolerant(pages()).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[(4, 1); 6]);
    assert_eq!(edges(&run, "report"), [3; 6]);
}

#[task]
async fn list() -> Vec<String> {
    pages()
}

#[task]
async fn no_list() -> Result<Vec<String>, String> {
    Err("no list".into())
}

#[flow]
async fn tolerant_of_a_pending_list() -> Result<[(u32, usize); 3]> {
    let parsed = parse::map(list().submit());
    Ok([
        report::of(allow_failure(&parsed)).submit().await?,
        report_of_vec::of(settle_all(parsed)).await?,
        report::of(allow_failure(&parse::map(no_list().submit()))).await?,
    ])
}

#[flowkit::test]
async fn the_outcomes_of_a_list_that_is_pending_come_with_their_edges_too() {
    let run = tolerant_of_a_pending_list().run().await;
    // A list that failed itself is one failure.
    assert_eq!(run.result().as_ref().unwrap(), &[(4, 1), (4, 1), (0, 1)]);
    assert_eq!(edges(&run, "report"), [3, 3, 0]);
}

#[flow]
async fn settled() -> Result<Vec<bool>> {
    let handles: Vec<_> = pages().into_iter().map(|page| parse(page).submit()).collect();
    let by_reference = settle_all(&handles).await;
    let by_value = settle_all(Handles::from(handles)).await;
    assert_eq!(by_reference.len(), by_value.len());
    Ok(by_value.iter().map(|outcome| outcome.is_ok()).collect())
}

#[flowkit::test]
async fn outcomes_that_are_awaited_are_results_in_the_order_of_the_list() {
    assert_eq!(settled().await.unwrap(), [true, false, true]);
}

static READ: AtomicUsize = AtomicUsize::new(0);
static REPORTED: AtomicUsize = AtomicUsize::new(0);

#[task]
async fn read(page: u32) -> Result<u32, String> {
    READ.fetch_add(1, Ordering::Relaxed);
    Ok(page)
}

#[task]
async fn reported(pages: Vec<Parsed>) -> u32 {
    REPORTED.fetch_add(1, Ordering::Relaxed);
    pages.iter().flatten().sum()
}

#[flow]
async fn reading() -> Result<u32> {
    let pages = read::map([1, 2]);
    Ok(reported::of(settle_all(&pages)).await?)
}

#[flowkit::test]
async fn a_rerun_reaches_what_took_the_outcomes() {
    let runtime = Runtime::builder().store(MemoryStore::new()).build();
    let id = reading().on(&runtime).run().await.id().unwrap();
    assert_eq!(reading::resume(id).rerun_from("read").on(&runtime).await.unwrap(), 3);
    assert_eq!((READ.load(Ordering::Relaxed), REPORTED.load(Ordering::Relaxed)), (4, 2));
}
