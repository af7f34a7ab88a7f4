//! `watch`: what happens to a run and its sub-flows, from the beginning to the end, also in another process. With `--output
//! json` the lines are those that `run` prints.

use clap::ArgMatches;

use super::feed::{Feed, FeedEvent};
use super::follow::{Follower, RunStanding, report_removal};
use crate::cli::Exit;
use crate::cli::out::say;
use crate::cli::secrets::recorded_text;
use crate::cli::session::Session;
use crate::cli::usage::Outcome;
use crate::engine::spec::FlowSpec;
use crate::model::{EventKind, StoredFlowRun, TaskRun, TaskRunId, iso};
use crate::terminal::RunView;
use crate::terminal::json::{EventView, Whom, line};
use crate::terminal::picture::Program;
use crate::text::columns::{duration, visible};

pub(super) async fn watch(session: &Session, matches: &ArgMatches) -> Outcome<Exit> {
    let store = session.settings.look_back()?;
    let run = session.run(&store, matches, "run")?;
    let mut follower = Follower::of(&store, run.id);
    let mut feed = Feed::of(&run);
    let mut lines = JsonLines::of(session, &run);
    loop {
        let standing = follower.look()?;
        for happened in feed.read(&store)? {
            let text = if session.is_json() { lines.json(&happened) } else { Some(text(&happened)) };
            text.into_iter().for_each(say);
        }
        match standing {
            RunStanding::UnderWay => follower.wait().await,
            RunStanding::Over(state) if state.is_success() => return Ok(Exit::SUCCESS),
            RunStanding::Over(_) => return Ok(Exit::FAILURE),
            RunStanding::Removed => {
                report_removal(session, run.id);
                return Ok(Exit::FAILURE);
            }
        }
    }
}

/// Makes lines of JSON, which tell at the end what there was.
struct JsonLines {
    view: RunView,
    program: Program,
    parameters: Option<String>,
}

impl JsonLines {
    fn of(session: &Session, run: &StoredFlowRun) -> Self {
        let known = session.program.flow_of(&run.path).map(FlowSpec::all_parameters).unwrap_or_default();
        let parameters = run.parameters.as_deref().map(|kept| recorded_text(&known, kept));
        Self { view: RunView::before_events(run), program: session.offers_for(run), parameters }
    }

    fn json(&mut self, FeedEvent { run, path, row, event, state }: &FeedEvent) -> Option<String> {
        self.view.apply(run, row.as_ref(), &event.kind, *state);
        let (view, program) = (&self.view, &self.program);
        let whom = match row {
            None if run.id == view.flow_run() => {
                Whom::Run { flow: &run.flow, parameters: self.parameters.as_deref(), view, program }
            }
            None => Whom::Task {
                path: path.as_deref(),
                task: &run.flow,
                id: TaskRunId::FLOW,
                index: None,
                name: run.name.as_deref(),
            },
            Some(row) => Whom::Task {
                path: path.as_deref(),
                task: &row.task,
                id: row.id,
                index: row.index,
                name: row.name.as_deref(),
            },
        };
        let started_at = row.as_ref().map_or(run.started_at, |row| row.started_at);
        line(&EventView { run: view.flow_run(), at: event.at, kind: &event.kind, started_at, whom })
    }
}

fn text(FeedEvent { run, path, row, event, .. }: &FeedEvent) -> String {
    let label = row.as_ref().map_or_else(|| run.flow.clone(), TaskRun::label);
    let path = match (path, row) {
        (Some(path), Some(_)) => format!("{} › ", visible(path)),
        _ => String::new(),
    };
    format!("{} {:9} {path}{}{}", iso(event.at), event.kind.name(), visible(&label), more(&event.kind))
}

fn more(kind: &EventKind) -> String {
    match kind {
        EventKind::Started { attempt: attempt @ 2.. } => format!("  attempt {attempt}"),
        EventKind::AttemptFailed { attempt, failure } => {
            let (error, wait) = (failure.error.to_string(), duration(failure.retry_in));
            format!("  attempt {attempt} failed: {}; next in {wait}", visible(&error))
        }
        EventKind::Interrupted { attempt, error } => {
            format!("  attempt {attempt} failed: {}; made again at resume", visible(&error.to_string()))
        }
        EventKind::Failed { error }
        | EventKind::TimedOut { error, .. }
        | EventKind::UpstreamFailed { error } => format!("  {}", visible(&error.to_string())),
        EventKind::Skipped { reason } => format!("  {}", visible(reason)),
        _ => String::new(),
    }
}
