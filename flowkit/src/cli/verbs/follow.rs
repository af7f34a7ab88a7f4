//! Follows a run that another process may execute: polls its status until nothing more can happen to it. Prints nothing of
//! it: `watch` and `logs` do.

use std::time::Duration;

use serde_json::json;

use crate::cli::json::line;
use crate::cli::out::{note, print_line};
use crate::cli::rows;
use crate::cli::session::Session;
use crate::cli::usage::UsageResult;
use crate::clock;
use crate::model::{FlowRunId, State};
use crate::store::{History as _, SqliteStore};

/// The poll interval: quick enough for people, and cheap.
const POLL_EVERY: Duration = Duration::from_millis(200);

/// Every this many polls (five seconds), runs of dead processes are marked. Not more often, since that may write, and writers
/// exclude each other.
const REAP_EVERY: u64 = 25;

/// The status of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunStatus {
    UnderWay,
    Over(State),
    /// It was removed from the database.
    Removed,
}

/// Polls the status of a run.
pub(super) struct Follower<'a> {
    store: &'a SqliteStore,
    run: FlowRunId,
    polls: u64,
}

impl<'a> Follower<'a> {
    pub(super) fn of(store: &'a SqliteStore, run: FlowRunId) -> Self {
        Self { store, run, polls: 0 }
    }

    /// Returns the status. Callers read the events after this: some may be added in between, but none after the end.
    pub(super) fn poll(&mut self) -> UsageResult<RunStatus> {
        self.polls += 1;
        // A process that dies ends its run, too. Opening the store has marked those that were dead already.
        if self.polls.is_multiple_of(REAP_EVERY) {
            self.store.reap_if_free()?;
        }
        Ok(match self.store.flow_run(self.run)? {
            None => RunStatus::Removed,
            Some(run) if rows::is_over(run.state) => RunStatus::Over(run.state),
            Some(_) => RunStatus::UnderWay,
        })
    }

    /// Waits until the next poll.
    pub(super) async fn wait(&self) {
        clock::sleep(POLL_EVERY).await;
    }
}

/// Reports that a run was removed while it was followed.
pub(super) fn report_removal(session: &Session, run: FlowRunId) {
    if session.is_json() {
        print_line(line("run.removed", Some(run), json!({})));
    } else {
        note(format!("run `{}` was removed from the database; its end is unknown", run.short()));
    }
}
