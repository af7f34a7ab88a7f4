//! `watch`: what happens to a run, from its beginning to its end, also in another process.

use std::collections::HashMap;

use clap::ArgMatches;

use super::logs::{POLL, label};
use super::rows;
use crate::cli::Exit;
use crate::cli::json;
use crate::cli::out::say;
use crate::cli::session::Session;
use crate::cli::usage::Outcome;
use crate::cli::when::iso;
use crate::engine::clock;
use crate::graph::text::{duration, visible};
use crate::model::{EventDetail, StoredEvent};
use crate::store::History as _;

/// Looked for the dead every five seconds: that is a write, of which there can be one at a time.
const REAP_EVERY: u64 = 25;

pub(super) async fn watch(session: &Session, matches: &ArgMatches) -> Outcome<Exit> {
    let store = session.settings.look_back()?;
    let mut run = session.run(&store, matches, "run")?;
    let mut labels = HashMap::new();
    let mut since = 0;
    for round in 0_u64.. {
        // A process that dies meanwhile ends its run too. Opening has looked already.
        if round % REAP_EVERY == REAP_EVERY - 1 {
            store.reap()?;
        }
        // Asked first: events may come between the two questions, but none after the end.
        run = store.flow_run(run.id)?.unwrap_or(run);
        let over = rows::is_over(run.state);
        for event in rows::events(&store, run.id, since)? {
            since = event.sequence;
            let label = label(&store, &run, event.task_run, &mut labels)?;
            if session.is_json() {
                say(json::event(run.id, &label, &event));
            } else {
                say(format!("{} {:9} {label}{}", iso(event.at), event.name, more(&event)));
            }
        }
        if over {
            return Ok(if run.state.is_success() { Exit::SUCCESS } else { Exit::FAILURE });
        }
        clock::sleep(POLL).await;
    }
    Ok(Exit::SUCCESS)
}

fn more(event: &StoredEvent) -> String {
    match &event.detail {
        None | Some(EventDetail::Attempt(1)) => String::new(),
        Some(EventDetail::Attempt(attempt)) => format!("  attempt {attempt}"),
        Some(EventDetail::Retry { attempt, error, retry_in }) => {
            format!(
                "  attempt {attempt} failed: {}; next in {}",
                visible(&error.to_string()),
                duration(*retry_in)
            )
        }
        Some(EventDetail::Error(error)) => format!("  {}", visible(&error.to_string())),
        Some(EventDetail::Reason(reason)) => format!("  {}", visible(reason)),
    }
}
