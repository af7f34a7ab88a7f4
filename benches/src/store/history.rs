//! A long history: how fast a store with a million task runs opens, and how fast it returns a page of its runs.
//!
//! The runs reach the store as those of the engine do: two flows run for real, and what their store receives is replayed to
//! this one again and again, under new ids and at other times.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use flowkit::model::{EventKind, FlowRunId, TaskRunId, WallTime};
use flowkit::prelude::*;
use flowkit::store::{
    Entry, FlowRunFilter, FlowRunPage, History as _, NewFlowRun, OwnedRun, RunLog as _, SqliteStore,
};
use flowkit::value::envelope::{Envelope, Fingerprint};
use flowkit::{BoxError, Runtime};
use serde::Serialize;
use uuid::{NoContext, Timestamp, Uuid};

use super::figures::ms;
use super::kept::size;
use super::story::{Listener, Story};
use crate::measure::median;

/// Runs of the long history, and task runs in each.
pub const RUNS: u64 = 10_000;
const TASK_RUNS: u64 = 100;
/// One run every ten minutes: the long history goes back for ten weeks.
const EVERY: Duration = Duration::from_secs(600);
/// Runs on a page.
const PAGE: usize = 50;
/// So many pages on is the later page, if there are so many.
const LATER: usize = 20;
/// Times that each page is asked for.
const TIMES: usize = 5;

/// Filters as users type them: each kind alone, and several together.
const FILTERS: [&str; 7] = [
    "state:failed flow:etl since:2d",
    "state:failed flow:etl tag:nightly since:60d",
    "state:completed flow:report since:30d until:1d",
    "state:failed",
    "flow:etl",
    "tag:nightly",
    "",
];

/// What looking back cost.
#[derive(Debug, Serialize)]
pub struct History {
    /// Flow runs in the file.
    pub runs: u64,
    /// Task runs in the file.
    pub task_runs: u64,
    /// Bytes in the file per task run.
    pub bytes_per_task: f64,
    /// How long it took to write all of it.
    pub written_s: f64,
    /// The median time of opening the file.
    pub open_ms: f64,
    /// The pages.
    pub looks: Vec<Look>,
}

/// The first page of a filter, and a later one. Medians.
#[derive(Debug, Serialize)]
pub struct Look {
    /// The filter, as it is typed.
    pub filter: &'static str,
    /// Runs on the first page.
    pub runs: usize,
    /// The first page.
    pub first_ms: f64,
    /// A later page; `None` if there is none.
    pub later_ms: Option<f64>,
}

impl Look {
    /// The slower of its pages.
    #[must_use]
    pub fn slower(&self) -> f64 {
        self.later_ms.map_or(self.first_ms, |later| later.max(self.first_ms))
    }
}

/// Writes a history of `runs` runs into a new file below `folder`, and queries it.
///
/// # Errors
/// If the store fails.
pub fn measure(folder: &Path, runs: u64) -> Result<History, Box<dyn Error>> {
    let path = folder.join("history.db");
    let started = Instant::now();
    fill(&path, runs)?;
    let written_s = started.elapsed().as_secs_f64();
    let mut opened = Vec::new();
    for _ in 0..TIMES {
        let started = Instant::now();
        let store = SqliteStore::open(&path)?;
        opened.push(started.elapsed());
        drop(store);
    }
    let store = SqliteStore::open(&path)?;
    let looks = FILTERS.iter().map(|filter| look(&store, filter)).collect::<Result<_, _>>()?;
    let task_runs = runs * TASK_RUNS;
    let bytes_per_task = size(&path) as f64 / task_runs as f64;
    let open_ms = median(opened).map(ms).unwrap_or_default();
    Ok(History { runs, task_runs, bytes_per_task, written_s, open_ms, looks })
}

fn look(store: &SqliteStore, filter: &'static str) -> Result<Look, Box<dyn Error>> {
    let wanted = FlowRunFilter::parse(filter, SystemTime::now().into())?;
    let (first_ms, first) = page(store, &wanted, None)?;
    let runs = first.runs.len();
    let (mut before, mut next) = (None, first.next);
    for _ in 0..LATER {
        let Some(found) = next else { break };
        before = Some(found);
        next = store.flow_runs(&wanted, before, PAGE)?.next;
    }
    let later_ms = before.map(|before| page(store, &wanted, Some(before)).map(|(ms, _)| ms)).transpose()?;
    Ok(Look { filter, runs, first_ms, later_ms })
}

fn page(
    store: &SqliteStore,
    filter: &FlowRunFilter,
    before: Option<FlowRunId>,
) -> Result<(f64, FlowRunPage), Box<dyn Error>> {
    let mut times = Vec::new();
    let mut page = FlowRunPage::default();
    for _ in 0..TIMES {
        let started = Instant::now();
        page = store.flow_runs(filter, before, PAGE)?;
        times.push(started.elapsed());
    }
    Ok((median(times).map(ms).unwrap_or_default(), page))
}

#[task]
async fn load(page: u64) -> Result<u64, BoxError> {
    if page < TASK_RUNS { Ok(page) } else { Err(format!("there is no page {page}").into()) }
}

/// Loads pages one after the other, up to `last`.
#[flow(tags = ["nightly"])]
async fn etl(last: u64) -> Result<u64> {
    let first = last + 1 - TASK_RUNS;
    let mut sum = 0;
    for page in first..=last {
        sum += load(page).await?;
    }
    Ok(sum)
}

#[flow]
async fn report() -> Result<u64> {
    let mut sum = 0;
    for page in 0..TASK_RUNS {
        sum += load(page).await?;
    }
    Ok(sum)
}

/// Runs a flow for real, on one thread, and notes what a store is handed.
pub(super) fn story<F: Future>(flow: F) -> Result<Story, Box<dyn Error>> {
    let listener = Listener::default();
    let runtime = Runtime::builder().store(listener.clone()).build();
    // Whether the flow fails is part of the story.
    let _ = tokio::runtime::Builder::new_current_thread().build()?.block_on(runtime.scope(flow));
    drop(runtime);
    let story = Arc::into_inner(listener.0).and_then(|story| story.into_inner().ok());
    story.ok_or_else(|| "the runtime still has its store".into())
}

/// Writes that many runs. Half of them are of each flow; of twenty runs of `etl` one fails.
pub(crate) fn fill(path: &Path, runs: u64) -> Result<(), Box<dyn Error>> {
    let [good, failed, report] = [
        story(async { etl(TASK_RUNS - 1).await })?,
        story(async { etl(TASK_RUNS).await })?,
        story(async { report().await })?,
    ];
    let store = SqliteStore::open(path)?;
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    for number in 0..runs {
        let age = EVERY.saturating_mul(u32::try_from(runs - number)?);
        let story = match number % 40 {
            0 => &failed,
            even if even % 2 == 0 => &good,
            _ => &report,
        };
        tell(&store, story, now.saturating_sub(age))?;
    }
    Ok(store.flush()?)
}

/// Replays a story to a store as if it had happened at `moment`.
pub(super) fn tell(store: &SqliteStore, story: &Story, moment: Duration) -> Result<(), Box<dyn Error>> {
    let id = Uuid::new_v7(Timestamp::from_unix(NoContext, moment.as_secs(), moment.subsec_nanos()));
    let created_at = WallTime::from_micros(i64::try_from(moment.as_micros())?);
    let run = OwnedRun { id: FlowRunId::new(id), epoch: 1, created_at };
    let flow = story.flow.clone().ok_or("a run begins with its flow")?;
    store.begin(NewFlowRun { owned: run, flow, parameters: None, parent: None, key: None, revision: None });
    for (event, task_run) in &story.events {
        let is_result = matches!(event.kind, EventKind::Completed) && event.task_run != TaskRunId::FLOW;
        let result = is_result.then(|| Envelope::seal(Fingerprint::of::<u64>(None), b"42"));
        let (event, task_run) = (event.clone(), task_run.clone());
        store.record(Entry { run, event, task_run, call: None, result, cache: None, provenance: None }, None);
    }
    store.wait_for_room();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_history_holds_what_its_filters_ask_for() {
        let folder = tempfile::tempdir().unwrap();
        let history = measure(folder.path(), 80).unwrap();
        let runs = |filter: &str| history.looks.iter().find(|look| look.filter == filter).unwrap().runs;
        assert_eq!(runs("state:failed flow:etl since:2d"), 2);
        assert_eq!(runs("flow:etl"), 40);
        assert_eq!(runs(""), PAGE);
        let store = SqliteStore::open(folder.path().join("history.db")).unwrap();
        let page = store.flow_runs(&FlowRunFilter::default(), None, 1).unwrap();
        let counts = store.counts(page.runs[0].id).unwrap();
        assert_eq!(counts, [(flowkit::State::Completed, TASK_RUNS)]);
    }
}
