//! What `tracing` shows: a span for each flow run, task run and attempt, with names and ids, one inside the other.

use flowkit::TaskRun;
use flowkit::prelude::*;

use crate::captured::{Captured, SpanLine};
use crate::records::only;

#[task(name = "Load a page")]
async fn load(page: u32) -> u32 {
    page
}

#[task(retries = 2)]
async fn flaky() -> Result<u32, String> {
    tracing::info!(target: "flowkit::tests", "in the body");
    if ctx().attempt() < 3 { Err("not yet".into()) } else { Ok(3) }
}

#[task]
async fn sum(pages: &[u32], more: u32) -> u32 {
    pages.iter().sum::<u32>() + more
}

#[task]
async fn list() -> Vec<u32> {
    vec![1, 2]
}

#[flow(name = "All pages")]
async fn all_pages() -> Result<u32> {
    let pages = load::map(list().submit());
    let more = flaky().submit();
    Ok(sum::of(&pages, &more).submit().await?)
}

fn fields<const N: usize>(span: &SpanLine, names: [&str; N]) -> [String; N] {
    names.map(|name| span.fields.get(name).to_owned())
}

#[flowkit::test]
async fn a_flow_run_has_a_span_with_its_name_and_its_id() {
    let (captured, _guard) = Captured::start();
    let run = all_pages().run().await;
    let [span] = &captured.spans_named("flow_run")[..] else { panic!("{:?}", captured.spans()) };
    assert_eq!(fields(span, ["flow", "flow_run"]), ["All pages".to_owned(), run.id().unwrap().short()]);
    assert!(span.parents.is_empty());
}

#[flowkit::test]
async fn a_task_run_has_a_span_with_its_name_its_index_and_its_id_within_that_of_its_flow() {
    let (captured, _guard) = Captured::start();
    let run = all_pages().run().await;
    let names = ["task", "index", "task_run_id"];
    let mut seen: Vec<_> = captured.spans_named("task_run").iter().map(|span| fields(span, names)).collect();
    seen.sort_by_key(|[_, _, id]| id.parse::<u64>().unwrap());
    let index = |task_run: &TaskRun| task_run.index.map_or_else(String::new, |index| index.to_string());
    let expected: Vec<_> =
        run.task_runs().iter().map(|run| [run.task.to_string(), index(run), run.id.to_string()]).collect();
    assert_eq!(seen, expected);
}

#[flowkit::test]
async fn an_attempt_has_a_span_with_its_number() {
    let (captured, _guard) = Captured::start();
    all_pages().await.unwrap();
    let attempts = captured.spans_named("attempt");
    let numbers = attempts.iter().filter(|span| span.parents.contains(&"task_run"));
    let mut numbers: Vec<_> = numbers.map(|span| span.fields.get("number").to_owned()).collect();
    numbers.sort();
    // Five task runs, and two retries of one of them.
    assert_eq!(numbers, ["1", "1", "1", "1", "1", "2", "3"]);
}

#[flowkit::test]
async fn a_span_lies_in_the_span_of_what_called_it_not_of_what_it_waited_for() {
    let (captured, _guard) = Captured::start();
    all_pages().await.unwrap();
    for span in captured.spans_named("task_run") {
        assert_eq!(span.parents, ["flow_run", "attempt"], "{span:?}");
    }
}

#[flowkit::test]
async fn what_a_body_logs_lies_in_the_spans_of_its_attempt_its_run_and_its_flow() {
    let (captured, _guard) = Captured::start();
    let run = all_pages().run().await;
    let task_run = only(&run, "flaky");
    let lines = captured.lines();
    let logged: Vec<_> = lines.iter().filter(|line| line.message == "in the body").collect();
    assert_eq!(logged.len(), 3);
    for (line, attempt) in logged.iter().zip(1..) {
        let names: Vec<_> = line.spans.iter().map(|span| span.name).collect();
        assert_eq!(names, ["flow_run", "attempt", "task_run", "attempt"]);
        assert_eq!(line.spans[2].fields.get("task_run_id"), task_run.id.to_string());
        assert_eq!(line.spans[3].fields.get("number"), attempt.to_string());
    }
}

#[flowkit::test]
async fn a_sub_flow_lies_in_the_span_of_its_node() {
    #[flow]
    async fn child() -> Result<u32> {
        Ok(load(1).await?)
    }

    #[flow]
    async fn parent() -> Result<u32> {
        Ok(child().await?)
    }

    let (captured, _guard) = Captured::start();
    parent().await.unwrap();
    let spans = captured.spans_named("flow_run");
    assert_eq!(spans[1].fields.get("flow"), "child");
    assert_eq!(spans[1].parents, ["flow_run", "attempt", "task_run"]);
    let load =
        captured.spans_named("task_run").into_iter().find(|span| span.fields.get("task") == "Load a page");
    assert_eq!(load.unwrap().parents, ["flow_run", "attempt", "task_run", "flow_run", "attempt"]);
}

#[flowkit::test]
async fn a_task_outside_a_flow_has_a_span_with_its_name_and_no_ids() {
    let (captured, _guard) = Captured::start();
    load(1).await.unwrap();
    let spans = captured.spans();
    let names: Vec<_> = spans.iter().map(|span| span.name).collect();
    assert_eq!(names, ["task_run", "attempt"]);
    assert_eq!(fields(&spans[0], ["task", "task_run_id"]), ["Load a page", ""]);
}

#[flowkit::test]
async fn a_task_with_a_timeout_keeps_its_spans() {
    #[task(timeout = "1s")]
    async fn guarded() {
        tracing::info!(target: "flowkit::tests", "in the body");
    }

    #[flow]
    async fn try_it() -> Result<()> {
        guarded().await?;
        Ok(guarded().submit().await?)
    }

    let (captured, _guard) = Captured::start();
    try_it().await.unwrap();
    let lines = captured.lines();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in lines {
        let names: Vec<_> = line.spans.iter().map(|span| span.name).collect();
        assert_eq!(names, ["flow_run", "attempt", "task_run", "attempt"]);
    }
}

#[flowkit::test]
async fn a_flow_that_starts_while_another_one_runs_has_not_lost_its_context() {
    #[flow]
    async fn other() -> Result<u32> {
        Ok(1)
    }

    #[flow]
    async fn waiting(end: std::sync::Arc<tokio::sync::Notify>) -> Result<()> {
        end.notified().await;
        Ok(())
    }

    let (captured, _guard) = Captured::start();
    let end = std::sync::Arc::new(tokio::sync::Notify::new());
    let running = waiting(end.clone()).start();
    assert_eq!(other().await.unwrap(), 1);
    end.notify_one();
    running.await.into_result().unwrap();
    assert!(captured.lines().is_empty(), "{:?}", captured.lines());
}
