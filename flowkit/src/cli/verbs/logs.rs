//! `logs`: what a run has logged, and with `-f` what it still does.

use std::collections::HashMap;
use std::time::Duration;

use clap::ArgMatches;

use super::show;
use crate::cli::json;
use crate::cli::out::{note, paragraph, say};
use crate::cli::rows;
use crate::cli::session::Session;
use crate::cli::usage::Outcome;
use crate::engine::clock;
use crate::model::{LogLevel, StoredFlowRun, StoredLog, TaskRunId, iso};
use crate::store::{History as _, LogFilter, Store};

/// How often another process's run is asked for news: quick for people, and cheap.
pub(super) const POLL: Duration = Duration::from_millis(200);

pub(super) async fn logs(session: &Session, matches: &ArgMatches) -> Outcome<()> {
    let store = session.settings.look_back()?;
    let run = session.run(&store, matches, "run")?;
    let level = matches.get_one::<String>("level");
    let filter = LogFilter {
        level: level.and_then(|typed| LogLevel::ALL.into_iter().find(|level| level.name() == typed)),
        text: matches.get_one::<String>("text").cloned(),
        ..LogFilter::default()
    };
    let filters = match matches.get_one::<String>("task") {
        None => vec![filter],
        Some(typed) => {
            let tasks = show::chosen(&run, rows::tasks(&store, run.id)?, typed)?;
            let of = |task: TaskRunId| LogFilter { task_run: Some(task), ..filter.clone() };
            tasks.iter().map(|task| of(task.id)).collect()
        }
    };
    let follows = matches.get_flag("follow");
    let mut printer = Printer { session, store: &store, run: &run, labels: HashMap::new() };
    let (mut since, mut is_empty) = (0, true);
    loop {
        // Asked first: lines may come between the two questions, but none after the end.
        let over = store.flow_run(run.id)?.is_none_or(|run| rows::is_over(run.state));
        let mut lines = Vec::new();
        for filter in &filters {
            lines.extend(rows::logs(&store, run.id, filter, since)?);
        }
        lines.sort_by_key(|line| line.sequence);
        since = lines.last().map_or(since, |line| line.sequence);
        is_empty &= lines.is_empty();
        for line in &lines {
            printer.print(line)?;
        }
        if over || !follows {
            break;
        }
        clock::sleep(POLL).await;
    }
    if is_empty && !session.is_json() {
        note(format!("run `{}` has logged nothing of that kind", run.id.short()));
    }
    let dropped: u64 = store.dropped_logs(run.id)?.iter().map(|(_, count)| count).sum();
    if dropped > 0 {
        let lines = if dropped == 1 { "line was" } else { "lines were" };
        note(format!("{dropped} more {lines} dropped: a task keeps 10,000"));
    }
    Ok(())
}

struct Printer<'a> {
    session: &'a Session,
    store: &'a dyn Store,
    run: &'a StoredFlowRun,
    labels: HashMap<TaskRunId, String>,
}

impl Printer<'_> {
    fn print(&mut self, line: &StoredLog) -> Outcome<()> {
        let label = label(self.store, self.run, line.task_run, &mut self.labels)?;
        if self.session.is_json() {
            say(json::log(self.run.id, &label, line));
        } else {
            let head = format!("{} {:5} {label}: ", iso(line.at), line.level.name().to_uppercase());
            paragraph(&head, &line.message).iter().for_each(say);
        }
        Ok(())
    }
}

/// Returns what a task run is called; the names of all are read at once when a new one comes.
pub(super) fn label(
    store: &dyn Store,
    run: &StoredFlowRun,
    task_run: TaskRunId,
    labels: &mut HashMap<TaskRunId, String>,
) -> Outcome<String> {
    if task_run == TaskRunId::FLOW {
        return Ok(run.flow.clone());
    }
    if !labels.contains_key(&task_run) {
        let tasks = rows::tasks(store, run.id)?;
        labels.extend(tasks.iter().map(|task| (task.id, task.label())));
    }
    Ok(labels.get(&task_run).cloned().unwrap_or_else(|| task_run.to_string()))
}
