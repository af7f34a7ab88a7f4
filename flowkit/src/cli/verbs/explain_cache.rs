//! `explain-cache`: why a cached task ran, or did not.

use std::borrow::Cow;

use clap::ArgMatches;
use serde_json::json;

use super::show;
use crate::cli::json::line;
use crate::cli::out::print_line;
use crate::cli::rows;
use crate::cli::session::Session;
use crate::cli::usage::UsageResult;
use crate::store::{CacheExplanation, explain_cache};
use crate::text::columns::visible;
use crate::text::wording::counted;

/// How many of the tasks that are not cached are named.
const NAMED_MAX: usize = 5;

pub(super) fn explain(session: &Session, matches: &ArgMatches) -> UsageResult<()> {
    let store = session.settings.look_back()?;
    let run = session.run(&store, matches, "run")?;
    let mut tasks = rows::tasks(&store, run.id)?;
    if let Some(typed) = matches.get_one::<String>("task") {
        tasks = show::chosen(&run, tasks, typed)?;
    }
    let is_one = matches.contains_id("task");
    let (mut apart, mut names) = (0, Vec::new());
    for task in tasks {
        let Some(why) = explain_cache(&store, run.id, task.id)? else { continue };
        // For most tasks there is nothing else to report, and many times over.
        if why == CacheExplanation::NotInCache && !is_one && !session.is_json() {
            apart += 1;
            if !names.contains(&task.task) {
                names.push(task.task);
            }
            continue;
        }
        if session.is_json() {
            let fields = json!({ "task_run": task.id, "label": task.label(), "why": why.to_string() });
            print_line(line("cache.explained", Some(run.id), fields));
        } else {
            print_line(format!("{}: {why}", task.label()));
        }
    }
    if apart > 0 {
        print_line(not_cached(apart, &names));
    }
    Ok(())
}

/// The line for task runs that are not cached: `12 task runs of 5 tasks are not cached: fetch, parse, …`.
fn not_cached(runs: usize, names: &[Cow<'_, str>]) -> String {
    let are = if runs == 1 { "is" } else { "are" };
    let (runs, tasks) = (counted(runs, "task run", "task runs"), counted(names.len(), "task", "tasks"));
    let mut named: Vec<String> = names.iter().take(NAMED_MAX).map(|name| visible(name)).collect();
    named.extend((names.len() > NAMED_MAX).then(|| "…".to_owned()));
    format!("{runs} of {tasks} {are} not cached: {}", named.join(", "))
}
