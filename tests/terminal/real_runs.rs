//! Real runs: looking back at one shows what was drawn while it ran, and one that is resumed shows all of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use flowkit::graph::Graph;
use flowkit::model::TaskRunId;
use flowkit::prelude::*;
use flowkit::store::{FlowRunFilter, SqliteStore, TaskRunFilter};
use flowkit::terminal::RunView;
use flowkit::terminal::picture::{Program, finished};
use flowkit::{FlowRunId, Runtime};

type Watched = Arc<Mutex<Option<RunView>>>;

/// Returns a runtime with a store, and the view of the run that begins on it, or continues from `view`.
fn watching(folder: &tempfile::TempDir, view: Option<RunView>) -> (Runtime, Watched) {
    let watched: Watched = Arc::new(Mutex::new(view));
    let watches = Arc::clone(&watched);
    let store = SqliteStore::open(folder.path().join("runs.db")).unwrap();
    let observe = move |notice: &flowkit::Notice<'_>| {
        let mut view = watches.lock().unwrap();
        if view.is_none() {
            *view = RunView::begin(notice);
        }
        if let Some(view) = view.as_mut() {
            view.take(notice);
        }
    };
    (Runtime::builder().store(store).observe(observe).build(), watched)
}

/// Looks back at a run and its sub-flows.
fn looking_back(runtime: &Runtime, id: FlowRunId) -> RunView {
    let store = runtime.store().unwrap();
    let rows =
        |id| store.task_runs(id, &TaskRunFilter::default(), flowkit::model::TaskRunId::FLOW, 1000).unwrap();
    let left = |view: RunView, id| {
        let artifacts = store.artifacts(id, 0, 1000).unwrap();
        artifacts.iter().fold(view, |view, artifact| view.with_artifact(id, artifact, None))
    };
    let mut view = left(RunView::of(&store.flow_run(id).unwrap().unwrap(), rows(id)), id);
    let mut filter = FlowRunFilter::default();
    filter.sub_flows = true;
    let runs = store.flow_runs(&filter, None, 1000).unwrap().runs;
    for run in runs.into_iter().rev().filter(|run| run.parent.is_some()) {
        view = left(view.with(&run, rows(run.id)), run.id);
    }
    view
}

/// Draws the end of a run without its durations, which the store keeps less exactly.
fn drawn(view: &RunView) -> Vec<String> {
    let is_duration = |word: &&str| {
        let word = word.trim_start_matches('~').trim_end_matches([':', ',', ')']);
        word.starts_with(|c: char| c.is_ascii_digit()) && word.ends_with('s')
    };
    let lines = finished(view, 100, &Program::new("mybin"));
    let words = |line: String| {
        line.split_whitespace().filter(|word| !is_duration(word)).collect::<Vec<_>>().join(" ")
    };
    lines.iter().map(|line| words(line.plain())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_back_at_a_run_shows_what_was_drawn() {
    #[task(retries = 1)]
    async fn fetch(page: u32) -> Result<u32, String> {
        if page == 1 && ctx().attempt() == 1 { Err("connection reset".into()) } else { Ok(page) }
    }
    #[task]
    async fn load(pages: u32) -> Result<u32, String> {
        Err(format!("refusing to load {pages} pages"))
    }
    #[task]
    async fn report(_: u32) -> u32 {
        0
    }
    #[flow]
    async fn region(number: u32) -> Result<u32> {
        Ok(fetch::map(0..number + 1).await?.len() as u32)
    }
    #[flow]
    async fn etl() -> Result<u32> {
        let pages: u32 = region::map(0..3).await?.iter().sum();
        let loaded = load(pages).submit();
        Ok(report::of(&loaded).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let (runtime, watched) = watching(&folder, None);
    let run = etl().on(&runtime).run().await;
    let id = run.id().unwrap();
    let watched = drawn(watched.lock().unwrap().as_ref().unwrap());
    assert_eq!(watched, drawn(&looking_back(&runtime, id)));
    let text = watched.join("\n");
    for line in ["✓ region ×3", "✓ fetch ×6 2 retried", "✗ load failed", "⊘ report skipped: load failed"]
    {
        assert!(text.contains(line), "`{line}` is missing:\n{text}");
    }
    assert!(text.contains("8 tasks, 6 ran, 1 failed, 1 skipped, 2 retries"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_resumed_shows_what_was_done_before_as_well() {
    static BROKEN: AtomicBool = AtomicBool::new(true);
    #[task]
    async fn extract(part: u32) -> u32 {
        part
    }
    #[task]
    async fn load(total: u32) -> Result<u32, String> {
        if BROKEN.load(Ordering::SeqCst) { Err("the disk is full".into()) } else { Ok(total) }
    }
    #[flow]
    async fn etl() -> Result<u32> {
        let total = extract::map(0..4).await?.iter().sum();
        Ok(load(total).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let id = {
        let (runtime, _) = watching(&folder, None);
        etl().on(&runtime).run().await.id().unwrap()
    };
    BROKEN.store(false, Ordering::SeqCst);
    let before = looking_back(&watching(&folder, None).0, id);
    assert!(drawn(&before).join("\n").contains("✗ load failed"));
    let (runtime, watched) = watching(&folder, Some(before));
    etl::resume(id).on(&runtime).await.unwrap();
    let text = drawn(watched.lock().unwrap().as_ref().unwrap()).join("\n");
    assert!(text.contains("✓ extract ×4") && text.contains("✓ load 2 attempts"), "{text}");
    assert!(text.contains("5 tasks, 4 kept, 1 ran"), "{text}");
    assert!(!text.contains("the disk is full"), "{text}");
    let (runtime, watched) = watching(&folder, Some(looking_back(&watching(&folder, None).0, id)));
    etl::resume(id).rerun_from("extract").on(&runtime).await.unwrap();
    let text = drawn(watched.lock().unwrap().as_ref().unwrap()).join("\n");
    // What `load` gets is a value, the same as before.
    assert!(text.contains("5 tasks, 1 kept, 4 ran"), "{text}");
}

#[flowkit::test]
async fn progress_is_told_at_most_ten_times_in_a_second_and_always_at_the_end() {
    #[task]
    async fn load(rows: u64) -> u64 {
        for row in 0..rows {
            flowkit::progress(row, rows);
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        flowkit::progress(rows, rows);
        rows
    }
    #[flow]
    async fn etl() -> Result<u64> {
        Ok(load(1000).await?)
    }

    flowkit::progress(1, 2);
    let told = Arc::new(Mutex::new(Vec::new()));
    let listener = Arc::clone(&told);
    let runtime = Runtime::builder().build();
    runtime.observe_progress(move |progress| listener.lock().unwrap().push((progress.done, progress.total)));
    etl().on(&runtime).await.unwrap();
    let told = told.lock().unwrap();
    assert_eq!(told.len(), 11, "{told:?}");
    assert_eq!((told[0], told[1], told[10]), ((0, 1000), (100, 1000), (1000, 1000)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sub_flow_that_is_tried_again_is_counted_once() {
    static FIRST: AtomicBool = AtomicBool::new(true);
    #[task]
    async fn fetch(number: u32) -> u32 {
        number
    }
    #[flow(retries = 1)]
    async fn region(number: u32) -> Result<u32> {
        let number = fetch(number).await?;
        if FIRST.swap(false, Ordering::SeqCst) { Err("first time".into()) } else { Ok(number) }
    }
    #[flow]
    async fn etl() -> Result<u32> {
        Ok(region(1).await? + fetch(2).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let (runtime, watched) = watching(&folder, None);
    let id = etl().on(&runtime).run().await.id().unwrap();
    let watched = drawn(watched.lock().unwrap().as_ref().unwrap());
    assert_eq!(watched, drawn(&looking_back(&runtime, id)));
    let text = watched.join("\n");
    assert!(text.contains("✓ region 2 attempts") && text.contains(", 1 retry"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flow_that_completes_after_failures_lists_them_also_when_one_looks_back() {
    #[task]
    async fn fetch(page: u32) -> Result<u32, String> {
        if page % 2 == 1 { Err(format!("no page {page}")) } else { Ok(page) }
    }
    #[flow]
    async fn of_its_own() -> Result<u32> {
        Err("nothing to do today".into())
    }
    #[flow]
    async fn because_of_a_task() -> Result<u32> {
        Ok(fetch(5).await?)
    }
    #[flow]
    async fn etl() -> Result<usize> {
        let mut pages = Vec::new();
        // One after the other, so that they fail in this order.
        for page in 0..4 {
            pages.push(fetch(page).await);
        }
        let _dealt_with = (of_its_own().await, because_of_a_task().await);
        Ok(pages.len())
    }

    let folder = tempfile::tempdir().unwrap();
    let (runtime, watched) = watching(&folder, None);
    let id = etl().on(&runtime).run().await.id().unwrap();
    let watched = drawn(watched.lock().unwrap().as_ref().unwrap());
    assert_eq!(watched, drawn(&looking_back(&runtime, id)));
    let text = watched.join("\n");
    for line in [
        "✗ fetch failed: no page 1",
        "✗ fetch failed: no page 3",
        "✗ of_its_own failed: nothing to do today",
        "✗ because_of_a_task › fetch failed: no page 5",
        "with 4 failures: 6 tasks, 2 ran, 4 failed",
    ] {
        assert!(text.contains(line), "`{line}` is missing:\n{text}");
    }
    assert!(!text.contains("✗ because_of_a_task failed: "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tasks_have_left_stands_behind_their_line_when_one_looks_back() {
    use flowkit::artifact;

    #[task]
    async fn chart(region: u32) -> u32 {
        artifact::image(format!("chart-{region}"), b"GIF89a".to_vec());
        region
    }
    #[flow]
    async fn region(number: u32) -> Result<u32> {
        artifact::link("map", format!("https://example.com/{number}"));
        Ok(chart(number).await?)
    }
    #[task]
    async fn report(path: std::path::PathBuf) -> Result<(), artifact::ArtifactError> {
        artifact::markdown("summary", "# first");
        artifact::markdown("summary", "# second");
        artifact::file("report", path)
    }
    #[flow]
    async fn etl(path: std::path::PathBuf) -> Result<()> {
        artifact::table("rows", [1, 2, 3])?;
        region::map(0..2).await?;
        Ok(report(path).await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report.md");
    std::fs::write(&path, "# Hi").unwrap();
    let (runtime, _) = watching(&folder, None);
    let id = etl(path).on(&runtime).run().await.id().unwrap();
    let view = looking_back(&runtime, id);
    let text = drawn(&view).join("\n");
    for line in [
        "✓ etl → rows (table)",
        "✓ region ×2 → map (link)",
        "✓ chart ×2 → chart-",
        "chart-0 (image)",
        "✓ report → summary (markdown), report.md",
    ] {
        assert!(text.contains(line), "`{line}` is missing:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_did_not_run_has_the_name_that_its_siblings_have_where_that_is_known() {
    #[task]
    async fn load(good: bool) -> Result<u32, String> {
        if good { Ok(7) } else { Err("the disk is full".into()) }
    }
    #[task(run_name = "train {model}")]
    async fn train(model: String, rows: u32) -> String {
        format!("{model} of {rows}")
    }
    #[task(run_name = "count {rows}")]
    async fn count(rows: u32) -> u32 {
        rows
    }
    #[flow]
    async fn etl() -> Result<()> {
        let bad = load(false).submit();
        let trees = [train("tree".to_owned(), 7).submit(), train::of("forest".to_owned(), &bad).submit()];
        let counts = [count::of(load(true).submit()).submit(), count::of(&bad).submit()];
        settle_all(trees).await;
        settle_all(counts).await;
        Ok(())
    }

    let folder = tempfile::tempdir().unwrap();
    let (runtime, _) = watching(&folder, None);
    let id = etl().on(&runtime).run().await.id().unwrap();
    let rows = runtime.store().unwrap().task_runs(
        id,
        &TaskRunFilter::default(),
        flowkit::model::TaskRunId::FLOW,
        99,
    );
    let mut labels: Vec<String> = rows.unwrap().iter().map(|row| row.label()).collect();
    labels.sort();
    assert_eq!(labels, ["count", "count 7", "load", "load", "train forest", "train tree"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_between_two_processes_is_no_time_of_a_task() {
    static BROKEN: AtomicBool = AtomicBool::new(true);
    #[task]
    async fn load() -> Result<u32, String> {
        if BROKEN.load(Ordering::SeqCst) { Err("the disk is full".into()) } else { Ok(1) }
    }
    #[flow]
    async fn etl() -> Result<u32> {
        Ok(load().await?)
    }

    let folder = tempfile::tempdir().unwrap();
    let id = {
        let (runtime, _) = watching(&folder, None);
        etl().on(&runtime).run().await.id().unwrap()
    };
    BROKEN.store(false, Ordering::SeqCst);
    // As if the program had been started again a day later.
    const DAY: i64 = 86_400 * 1_000_000;
    let file = rusqlite::Connection::open(folder.path().join("runs.db")).unwrap();
    let moments = ["created_at", "started_at", "attempt_started_at", "ended_at"];
    let earlier = moments.map(|column| format!("{column} = {column} - {DAY}")).join(", ");
    for table in ["flow_runs", "task_runs"] {
        assert!(file.execute(&format!("UPDATE {table} SET {earlier}"), []).unwrap() > 0);
    }
    // What is written past the store voids the digest of its pages.
    file.execute("UPDATE page_digest SET digest = NULL", []).unwrap();
    drop(file);
    let (runtime, watched) = watching(&folder, None);
    let run = etl::resume(id).on(&runtime).run().await;
    let mut rows =
        runtime.store().unwrap().task_runs(id, &TaskRunFilter::default(), TaskRunId::FLOW, 9).unwrap();
    assert_eq!(
        Graph::of("etl", &rows),
        run.graph(),
        "what is drawn from the store is what was drawn from the run"
    );
    // What only a store knows.
    for row in &mut rows {
        (row.call, row.has_result, row.provenance) = (None, false, None);
    }
    assert_eq!(rows, run.task_runs());
    let is_short = |view: &RunView| {
        let text: Vec<String> =
            finished(view, 100, &Program::new("mybin")).iter().map(|line| line.plain()).collect();
        assert!(!text.join("\n").contains("24h 00m"), "{text:#?}");
    };
    is_short(watched.lock().unwrap().as_ref().unwrap());
    is_short(&looking_back(&runtime, id));
}
