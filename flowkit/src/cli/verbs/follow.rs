//! Following a run that another process may be at work on: how it stands, look after look, until nothing more can happen to
//! it. Not what is told of it: that is for `watch` and `logs`.

use std::time::Duration;

use serde_json::json;

use crate::cli::json::line;
use crate::cli::out::{note, say};
use crate::cli::rows;
use crate::cli::session::Session;
use crate::cli::usage::Outcome;
use crate::clock;
use crate::model::{FlowRunId, State};
use crate::store::{History as _, SqliteStore};

/// How often another process's run is asked for news: quick for people, and cheap.
const POLL: Duration = Duration::from_millis(200);

/// Looked for the dead every five seconds: that may be a write, of which there can be one at a time.
const REAP_EVERY: u64 = 25;

/// How a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RunStanding {
    UnderWay,
    Over(State),
    /// It is no longer in the database.
    Removed,
}

/// Looks at a run again and again.
pub(super) struct Follower<'a> {
    store: &'a SqliteStore,
    run: FlowRunId,
    looks: u64,
}

impl<'a> Follower<'a> {
    pub(super) fn of(store: &'a SqliteStore, run: FlowRunId) -> Self {
        Self { store, run, looks: 0 }
    }

    /// Looks once. What has happened to the run is read after this: something may happen between the two, but nothing after
    /// the end.
    pub(super) fn look(&mut self) -> Outcome<RunStanding> {
        self.looks += 1;
        // A process that dies meanwhile ends its run too. Opening has looked already.
        if self.looks.is_multiple_of(REAP_EVERY) {
            self.store.reap_if_free()?;
        }
        Ok(match self.store.flow_run(self.run)? {
            None => RunStanding::Removed,
            Some(run) if rows::is_over(run.state) => RunStanding::Over(run.state),
            Some(_) => RunStanding::UnderWay,
        })
    }

    /// Waits until it is time for another look.
    pub(super) async fn wait(&self) {
        clock::sleep(POLL).await;
    }
}

/// Says that a run was removed while somebody followed it.
pub(super) fn report_removal(session: &Session, run: FlowRunId) {
    if session.is_json() {
        say(line("run.removed", Some(run), json!({})));
    } else {
        note(format!("run `{}` was removed from the database; how it ended cannot be told", run.short()));
    }
}
