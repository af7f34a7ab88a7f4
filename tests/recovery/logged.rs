//! What a run logs: persisted with the task run that logged it, complete when the run has ended.

use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use flowkit::model::{LogLevel, StoredLog, TaskRunId};
use flowkit::prelude::*;
use flowkit::store::{History, LogFilter, MemoryStore, SqliteStore};
use flowkit::{FlowRunId, Runtime};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Level, Subscriber, debug, error, info, warn};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Unused subscribers. With only one, `tracing` would ask the first thread that reaches a line of code whether it is enabled,
/// and that may be a thread of another test.
static OTHERS: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(tracing_subscriber::registry())));

/// Makes `layer` the only one of this thread.
pub(crate) fn listen<L: Layer<tracing_subscriber::Registry> + Send + Sync + 'static>(
    layer: L,
) -> DefaultGuard {
    LazyLock::force(&OTHERS);
    tracing::subscriber::set_default(tracing_subscriber::registry().with(layer))
}

fn in_memory() -> Runtime {
    Runtime::builder().store(MemoryStore::new()).build()
}

fn lines(runtime: &Runtime, id: FlowRunId) -> Vec<StoredLog> {
    runtime.store().unwrap().logs(id, &LogFilter::default(), 0, usize::MAX).unwrap()
}

/// The lines of a run as `task run: message`.
fn messages(runtime: &Runtime, id: FlowRunId) -> Vec<String> {
    lines(runtime, id).iter().map(|line| format!("{}: {}", line.task_run, line.message)).collect()
}

#[tokio::test]
async fn an_event_is_a_line_of_the_task_run_or_the_flow_in_which_it_happens() {
    #[task]
    async fn load(part: u32) -> u32 {
        info!(part, path = "a b.csv", size = ?Some(3), "loaded");
        part
    }
    #[flow]
    async fn etl() -> Result<u32> {
        warn!("begins");
        let one = load(1).await?;
        let more = load::map(vec![2, 3]).await?;
        error!(rows = more.len());
        Ok(one)
    }
    let _logs = listen(flowkit::layer());
    let runtime = in_memory();
    let id = etl().on(&runtime).run().await.id().unwrap();
    let said = messages(&runtime, id);
    let loaded = |id, part| format!(r#"{id}: loaded part={part} path="a b.csv" size=Some(3)"#);
    assert_eq!(said, ["0: begins".into(), loaded(1, 1), loaded(2, 2), loaded(3, 3), "0: rows=2".into()]);
    let lines = lines(&runtime, id);
    assert_eq!(lines[1].target, module_path!());
    let levels: Vec<_> = lines.iter().map(|line| line.level).collect();
    use LogLevel::{Error, Info, Warn};
    assert_eq!(levels, [Warn, Info, Info, Info, Error]);
}

#[tokio::test]
async fn a_body_that_blocks_is_found_on_its_own_thread() {
    #[task]
    fn count() -> usize {
        let _logs = listen(flowkit::layer());
        info!("counting");
        std::thread::current().name().map_or(0, str::len)
    }
    #[flow]
    async fn etl() -> Result<usize> {
        Ok(count::submit().await?)
    }
    let runtime = in_memory();
    let id = etl().on(&runtime).run().await.id().unwrap();
    assert_eq!(messages(&runtime, id), ["1: counting"]);
}

#[tokio::test]
async fn a_line_of_a_sub_flow_is_in_its_own_run() {
    #[flow]
    async fn region() -> Result<FlowRunId> {
        info!("inside");
        ctx().flow_run_id().ok_or_else(|| "nowhere".into())
    }
    #[flow]
    async fn world() -> Result<FlowRunId> {
        info!("outside");
        Ok(region().await?)
    }
    let _logs = listen(flowkit::layer());
    let runtime = in_memory();
    let run = world().on(&runtime).run().await;
    assert_eq!(messages(&runtime, run.id().unwrap()), ["0: outside"]);
    assert_eq!(messages(&runtime, *run.result().as_ref().unwrap()), ["0: inside"]);
}

/// A third-party layer, which counts what it sees.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<Level>>>);

impl<S: Subscriber> Layer<S> for Seen {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == module_path!() {
            self.0.lock().unwrap().push(*event.metadata().level());
        }
    }
}

#[tokio::test]
async fn the_level_chooses_what_is_kept_and_takes_nothing_from_other_layers() {
    #[flow]
    async fn talks() -> Result<u32> {
        debug!("details");
        info!("news");
        warn!("worries");
        Ok(1)
    }
    for (layer, expected) in [
        (flowkit::layer(), vec!["0: news", "0: worries"]),
        (flowkit::layer().level(Level::WARN), vec!["0: worries"]),
        (flowkit::layer().level(Level::DEBUG), vec!["0: details", "0: news", "0: worries"]),
    ] {
        let seen = Seen::default();
        let _logs = listen(layer.and_then(seen.clone()));
        let runtime = in_memory();
        let id = talks().on(&runtime).run().await.id().unwrap();
        assert_eq!(messages(&runtime, id), expected);
        assert_eq!(*seen.0.lock().unwrap(), [Level::DEBUG, Level::INFO, Level::WARN]);
    }
}

#[tokio::test]
async fn what_happens_outside_of_runs_or_in_runs_that_nobody_keeps_is_left_alone() {
    #[task]
    async fn speak() -> u32 {
        info!("anybody there?");
        1
    }
    #[flow]
    async fn alone() -> Result<u32> {
        Ok(speak().await?)
    }
    let _logs = listen(flowkit::layer());
    info!("outside");
    let runtime = in_memory();
    assert_eq!(speak().await.unwrap(), 1);
    assert_eq!(alone().await.unwrap(), 1);
    let id = alone().on(&runtime).run().await.id().unwrap();
    info!("after it");
    assert_eq!(messages(&runtime, id), ["1: anybody there?"]);
}

#[tokio::test]
async fn what_stores_say_of_themselves_is_not_put_into_a_store() {
    #[flow]
    async fn talks() -> Result<u32> {
        warn!(target: "flowkit::store::sqlite", "could not write");
        info!(target: "log", { "log.target" = "hyper::client", "log.line" = 7 }, "connected");
        Ok(1)
    }
    let _logs = listen(flowkit::layer());
    let runtime = in_memory();
    let id = talks().on(&runtime).run().await.id().unwrap();
    let lines = lines(&runtime, id);
    assert_eq!(lines.len(), 1, "{lines:?}");
    let line = (lines[0].target.as_str(), lines[0].message.as_str());
    assert_eq!(line, ("hyper::client", "connected"), "a record of the crate `log` keeps its own target");
}

#[tokio::test]
async fn a_flow_that_ends_at_once_has_all_of_its_lines_when_its_end_is_kept() {
    #[flow]
    async fn brief(number: u32) -> Result<u32> {
        info!(number, "said");
        info!("and gone");
        Ok(number)
    }
    let _logs = listen(flowkit::layer());
    let folder = tempfile::tempdir().unwrap();
    let open = || SqliteStore::open(folder.path().join("runs.db")).unwrap();
    let runtime = Runtime::builder().store(open()).build();
    // What another process would see: this one sees only what is committed.
    let elsewhere = open();
    for number in 0..50 {
        let id = brief(number).on(&runtime).run().await.id().unwrap();
        assert!(elsewhere.flow_run(id).unwrap().unwrap().state.is_terminal());
        let lines = elsewhere.logs(id, &LogFilter::default(), 0, 9).unwrap();
        let said: Vec<_> = lines.into_iter().map(|line| line.message).collect();
        assert_eq!(said, [format!("said number={number}"), "and gone".into()]);
    }
}

#[tokio::test]
async fn a_run_that_goes_on_adds_its_lines_to_those_that_are_there() {
    static BROKEN: Mutex<bool> = Mutex::new(true);
    #[task]
    async fn first() -> u32 {
        info!("first");
        1
    }
    #[task]
    async fn second(n: u32) -> Result<u32, String> {
        info!("second");
        if *BROKEN.lock().unwrap() { Err("not yet".into()) } else { Ok(n) }
    }
    #[flow]
    async fn both() -> Result<u32> {
        Ok(second(first().await?).await?)
    }
    // flowkit itself also logs a line about the failure, which does not matter here.
    let _logs = listen(flowkit::layer());
    let runtime = in_memory();
    let id = both().on(&runtime).run().await.id().unwrap();
    *BROKEN.lock().unwrap() = false;
    assert_eq!(both::resume(id).on(&runtime).await.unwrap(), 1);
    let mut lines = lines(&runtime, id);
    assert!(lines.iter().zip(1..).all(|(line, sequence)| line.sequence == sequence));
    lines.retain(|line| line.target == module_path!());
    let said: Vec<_> = lines.iter().map(|line| (line.task_run.get(), line.message.as_str())).collect();
    assert_eq!(said, [(1, "first"), (2, "second"), (2, "second")]);
}

#[tokio::test]
async fn what_a_task_prints_is_not_kept_if_it_says_so() {
    #[task(log_prints = false)]
    async fn chatters(runtime: Runtime) -> u32 {
        runtime.log_line("progress: 17 %", Duration::ZERO);
        1
    }
    #[flow]
    async fn prints(runtime: Runtime) -> Result<u32> {
        runtime.log_line("by the flow", Duration::ZERO);
        Ok(chatters(runtime).await?)
    }
    let runtime = in_memory();
    let id = prints(runtime.clone()).on(&runtime).run().await.id().unwrap();
    let said: Vec<_> = lines(&runtime, id).into_iter().map(|line| line.message).collect();
    assert_eq!(said, ["by the flow"]);
}

#[tokio::test]
async fn a_printed_line_is_that_of_the_only_task_under_way_or_of_the_run() {
    #[task]
    async fn print(runtime: Runtime, text: &'static str) -> u32 {
        runtime.log_line(text, Duration::ZERO);
        // Received so late, it may have been printed before this task began.
        runtime.log_line("heard late", Duration::from_secs(3600));
        tokio::task::yield_now().await;
        1
    }
    #[task]
    async fn wait_for(after: u32) -> u32 {
        after
    }
    #[task]
    async fn outer(runtime: Runtime) -> Result<u32> {
        Ok(print(runtime, "by one of two").await?)
    }
    #[flow]
    async fn prints(runtime: Runtime) -> Result<u32> {
        runtime.log_line("by the flow", Duration::ZERO);
        let one = print::submit(runtime.clone(), "by the only one that runs");
        wait_for::of(&one).await?;
        Ok(outer(runtime.clone()).await?)
    }
    let runtime = in_memory();
    runtime.log_line("before any run", Duration::ZERO);
    let id = prints(runtime.clone()).on(&runtime).run().await.id().unwrap();
    runtime.log_line("after all runs", Duration::ZERO);
    let lines = lines(&runtime, id);
    let (late, lines): (Vec<_>, Vec<_>) = lines.into_iter().partition(|line| line.message == "heard late");
    assert!(late.len() == 2 && late.iter().all(|line| line.task_run == TaskRunId::FLOW), "{late:?}");
    let said: Vec<_> = lines.iter().map(|line| (line.task_run, line.message.as_str())).collect();
    let flow = TaskRunId::FLOW;
    assert_eq!(
        said,
        [(flow, "by the flow"), (TaskRunId::new(1), "by the only one that runs"), (flow, "by one of two")]
    );
    assert!(lines.iter().all(|line| line.target == "stdout" && line.level == LogLevel::Info));
}
