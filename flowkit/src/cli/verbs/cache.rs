//! `explain-cache`: why a cached task ran, or did not.

use clap::ArgMatches;
use serde_json::json;

use super::{rows, show};
use crate::cli::json::line;
use crate::cli::out::say;
use crate::cli::session::Session;
use crate::cli::usage::Outcome;
use crate::store::explain_cache;

pub(super) fn explain(session: &Session, matches: &ArgMatches) -> Outcome<()> {
    let store = session.settings.look_back()?;
    let run = session.run(&store, matches, "run")?;
    let mut tasks = rows::tasks(&store, run.id)?;
    if let Some(typed) = matches.get_one::<String>("task") {
        tasks = show::chosen(&run, tasks, typed)?;
    }
    for task in tasks {
        let Some(why) = explain_cache(&store, run.id, task.id)? else { continue };
        if session.is_json() {
            let fields = json!({ "task_run": task.id, "label": task.label(), "why": why.to_string() });
            say(line("cache.explained", Some(run.id), fields));
        } else {
            say(format!("{}: {why}", task.label()));
        }
    }
    Ok(())
}
