//! `logs`: the log lines of a run, and with `-f` those to come, also from task runs that have not begun yet.

use std::collections::HashMap;

use clap::ArgMatches;

use super::follow::{Follower, RunStatus, report_removal};
use super::show;
use crate::cli::Exit;
use crate::cli::json;
use crate::cli::out::{note, paragraph, print_line};
use crate::cli::rows;
use crate::cli::session::Session;
use crate::cli::usage::UsageResult;
use crate::model::{LogLevel, StoredFlowRun, StoredLog, TaskRunId, iso};
use crate::store::{History as _, LogFilter, Store};

/// How many lines are read at once.
const PAGE: usize = 1000;

pub(super) async fn logs(session: &Session, matches: &ArgMatches) -> UsageResult<Exit> {
    let store = session.settings.look_back()?;
    let run = session.run(&store, matches, "run")?;
    let level = matches.get_one::<String>("level");
    let filter = LogFilter {
        level: level.and_then(|typed| LogLevel::ALL.into_iter().find(|level| level.name() == typed)),
        text: matches.get_one::<String>("text").cloned(),
        ..LogFilter::default()
    };
    let task = matches.get_one::<String>("task").map(String::as_str);
    let follows = matches.get_flag("follow");
    let mut follower = Follower::of(&store, run.id);
    let mut status = follower.poll()?;
    let may_begin = follows && status == RunStatus::UnderWay;
    // A task of a run that is followed may begin later; for a run that is over, an unknown task is a mistake.
    if !may_begin {
        check_task(&store, &run, task)?;
    }
    let mut printer = Printer { session, store: &store, run: &run, task, known: HashMap::new() };
    let (mut since, mut is_empty) = (0, true);
    loop {
        loop {
            let lines = store.logs(run.id, &filter, since, PAGE)?;
            since = lines.last().map_or(since, |line| line.sequence);
            is_empty &= printer.print_line(&lines)? == 0;
            if lines.len() < PAGE {
                break;
            }
        }
        if status != RunStatus::UnderWay || !follows {
            break;
        }
        follower.wait().await;
        status = follower.poll()?;
    }
    if status == RunStatus::Removed {
        report_removal(session, run.id);
        return Ok(Exit::FAILURE);
    }
    if is_empty && may_begin {
        check_task(&store, &run, task)?;
    }
    if is_empty && !session.is_json() {
        note(format!("run `{}` has logged nothing of that kind", run.id.short()));
    }
    let dropped: u64 = store.dropped_logs(run.id)?.iter().map(|(_, count)| count).sum();
    if dropped > 0 {
        let lines = if dropped == 1 { "line was" } else { "lines were" };
        note(format!("{dropped} more {lines} dropped: a task keeps 10,000"));
    }
    Ok(Exit::SUCCESS)
}

/// Checks that the run has task runs of this name, if one was typed.
fn check_task(store: &dyn Store, run: &StoredFlowRun, task: Option<&str>) -> UsageResult<()> {
    if let Some(typed) = task {
        show::chosen(run, rows::tasks(store, run.id)?, typed)?;
    }
    Ok(())
}

struct Printer<'a> {
    session: &'a Session,
    store: &'a dyn Store,
    run: &'a StoredFlowRun,
    /// Which lines to print: all, or those of task runs with this name.
    task: Option<&'a str>,
    /// The task runs that have logged something.
    known: HashMap<TaskRunId, Whose>,
}

/// The label of a task run's lines.
struct Whose {
    label: String,
    is_wanted: bool,
}

impl Printer<'_> {
    /// Prints the selected lines, and returns their number.
    fn print_line(&mut self, lines: &[StoredLog]) -> UsageResult<usize> {
        self.meet(lines)?;
        let mut printed = 0;
        for line in lines {
            let Some(Whose { label, is_wanted: true }) = self.known.get(&line.task_run) else { continue };
            printed += 1;
            if self.session.is_json() {
                print_line(json::log(self.run.id, label, line));
            } else {
                let head = format!("{} {:5} {label}: ", iso(line.at), line.level.name().to_uppercase());
                paragraph(&head, &line.message).iter().for_each(print_line);
            }
        }
        Ok(printed)
    }

    /// Registers task runs that log for the first time: their rows were written before their lines.
    fn meet(&mut self, lines: &[StoredLog]) -> UsageResult<()> {
        let is_all = self.task.is_none();
        let strangers = || lines.iter().map(|line| line.task_run).filter(|id| !self.known.contains_key(id));
        let (first, last) = (strangers().min(), strangers().max());
        for row in rows::tasks_between(self.store, self.run.id, first, last)? {
            let label = row.label();
            let is_wanted = self.task.is_none_or(|typed| row.task == typed || label == typed);
            self.known.insert(row.id, Whose { label, is_wanted });
        }
        // The flow itself, which has no row there; or a task run whose row is being removed.
        for line in lines {
            self.known.entry(line.task_run).or_insert_with(|| Whose {
                label: match line.task_run {
                    TaskRunId::FLOW => self.run.flow.clone(),
                    other => other.to_string(),
                },
                is_wanted: is_all,
            });
        }
        Ok(())
    }
}
