//! `explain-cache`: why a cached task ran, or did not.

use std::borrow::Cow;

use clap::ArgMatches;
use serde_json::json;

use crate::cli::json::line;
use crate::cli::out::print_line;
use crate::cli::rows;
use crate::cli::session::Session;
use crate::cli::task_ref::{self, ChosenTasks};
use crate::cli::usage::UsageResult;
use crate::store::{CacheExplanation, explain_cache};
use crate::text::columns::visible;
use crate::text::wording::counted;

/// How many of the tasks that are not cached are named.
const NAMED_MAX: usize = 5;

pub(super) fn explain(session: &Session, matches: &ArgMatches) -> UsageResult<()> {
    let store = session.settings.look_back()?;
    let run = session.run(&store, matches, "run")?;
    let typed = matches.get_one::<String>("task");
    let is_one = typed.is_some();
    let family = rows::family(&store, run)?;
    let chosen = match typed {
        Some(typed) => task_ref::tasks(&store, &family, typed)?,
        None => family.iter().map(ChosenTasks::all).collect(),
    };
    let (mut apart, mut names) = (0, Vec::new());
    for ChosenTasks { member, filter } in chosen {
        let run = member.run.id;
        rows::with_tasks_in(&store, run, &filter, |tasks| {
            for task in tasks {
                let Some(why) = explain_cache(&store, run, task.id)? else { continue };
                let label = member.label(&task.label());
                // For most tasks there is nothing else to report, and many times over.
                if why == CacheExplanation::NotInCache && !is_one && !session.is_json() {
                    apart += 1;
                    if !names.contains(&task.task) {
                        names.push(task.task);
                    }
                } else if session.is_json() {
                    let fields = json!({ "task_run": task.id, "label": label, "why": why.to_string() });
                    print_line(line("cache.explained", Some(run), fields));
                } else {
                    print_line(format!("{label}: {why}"));
                }
            }
            UsageResult::Ok(())
        })??;
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
