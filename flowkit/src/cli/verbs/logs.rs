//! `logs`: the log lines of a run and its sub-flows, and with `-f` those to come, also from task runs that have not begun
//! yet. How the lines of several runs become one log is in `log_lines`.

use clap::ArgMatches;

use super::follow::{Follower, RunStatus, report_removal};
use super::log_lines::{LabelledLine, LogLines};
use crate::cli::Exit;
use crate::cli::json;
use crate::cli::out::{note, paragraph, print_line};
use crate::cli::rows::{self, Member};
use crate::cli::session::Session;
use crate::cli::task_ref;
use crate::cli::usage::UsageResult;
use crate::model::{FlowRunId, LogLevel, Origin, State, StoredFlowRun, TaskRun, TaskRunId, iso};
use crate::store::{History as _, LogFilter, SqliteStore, Store};
use crate::text::columns::visible;

pub(super) async fn logs(session: &Session, matches: &ArgMatches) -> UsageResult<Exit> {
    let store = session.settings.look_back()?;
    let run = session.run(&store, matches, "run")?;
    let level = matches.get_one::<String>("level");
    let filter = LogFilter {
        level: level.and_then(|typed| LogLevel::ALL.into_iter().find(|level| level.name() == typed)),
        text: matches.get_one::<String>("text").cloned(),
        ..LogFilter::default()
    };
    let follows = matches.get_flag("follow");
    let mut follower = Follower::of(&store, run.id);
    let mut status = follower.poll()?;
    let may_begin = follows && status == RunStatus::UnderWay;
    let typed = matches.get_one::<String>("task").map(String::as_str);
    let mut wanted = Wanted { typed, chosen: Vec::new(), may_begin };
    let mut lines = LogLines::of(rows::family(&store, run.clone())?, filter);
    // A task of a run that is followed may begin later; for a run that is over, an unknown task is a mistake.
    if let Err(unknown) = wanted.choose(&store, &run)
        && !may_begin
    {
        return Err(unknown);
    }
    let mut is_empty = true;
    loop {
        while let Some(line) = lines.next(&store, |member, row| wanted.is_wanted(member, row))? {
            is_empty = false;
            print(session, &line);
        }
        if status != RunStatus::UnderWay || !follows {
            break;
        }
        follower.wait().await;
        status = follower.poll()?;
        if status != RunStatus::Removed {
            lines.discover(rows::family(&store, run.clone())?);
        }
    }
    if status == RunStatus::Removed {
        report_removal(session, run.id);
        return Ok(Exit::FAILURE);
    }
    if is_empty && may_begin {
        wanted.choose(&store, &run)?;
    }
    if is_empty && !session.is_json() {
        note(format!("run `{}` has logged nothing of that kind", run.id.short()));
    }
    note_dropped(&store, &run)?;
    Ok(Exit::SUCCESS)
}

fn note_dropped(store: &SqliteStore, run: &StoredFlowRun) -> UsageResult<()> {
    let mut dropped = 0;
    for Member { run, .. } in rows::family(store, run.clone())? {
        dropped += store.dropped_logs(run.id)?.iter().map(|(_, count)| count).sum::<u64>();
    }
    if dropped > 0 {
        let lines = if dropped == 1 { "line was" } else { "lines were" };
        note(format!("{dropped} more {lines} dropped: a task keeps 10,000"));
    }
    // Lines that were lost with the database are no fault of a task that logs much.
    let run = store.flow_run(run.id)?;
    if let Some(error) = run.filter(|run| run.state == State::Suspended).and_then(|run| run.error) {
        note(format!("the last lines may be missing: {}", visible(&error.message)));
    }
    Ok(())
}

/// Which lines to print: all, or those of the task runs that were typed.
struct Wanted<'a> {
    typed: Option<&'a str>,
    /// The runs and the names in them that this means.
    chosen: Vec<(FlowRunId, String)>,
    /// Others may begin.
    may_begin: bool,
}

impl Wanted<'_> {
    /// Finds what was typed; fails if it is not there yet.
    fn choose(&mut self, store: &dyn Store, run: &StoredFlowRun) -> UsageResult<()> {
        let Some(typed) = self.typed else { return Ok(()) };
        let family = rows::family(store, run.clone())?;
        let chosen = task_ref::tasks(store, &family, typed)?.into_iter();
        self.chosen = chosen.filter_map(|one| Some((one.member.run.id, one.filter.called?))).collect();
        Ok(())
    }

    /// Whether to print the lines of a task run of a run; `None` is the flow itself.
    fn is_wanted(&self, member: &Member, row: Option<&TaskRun>) -> bool {
        let Some(typed) = self.typed else { return true };
        let Some(row) = row else { return false };
        let is_new = |row: &TaskRun| {
            task_ref::inside(member, typed).is_some_and(|own| row.is_called(own))
                || (self.chosen.is_empty() && row.is_called(typed))
        };
        self.chosen.iter().any(|(run, called)| *run == member.run.id && row.is_called(called))
            || (self.may_begin && is_new(row))
    }
}

fn print(session: &Session, LabelledLine { run, path, label, line }: &LabelledLine) {
    if session.is_json() {
        print_line(json::log(*run, path.as_deref(), label, line));
        return;
    }
    let label = match path {
        // Of a sub-flow itself, the path says it all.
        Some(path) if line.task_run == TaskRunId::FLOW => path.clone(),
        path => Origin::path_in(path.as_deref(), label),
    };
    let head = format!("{} {:5} {label}: ", iso(line.at), line.level.name().to_uppercase());
    paragraph(&head, &line.message).iter().for_each(print_line);
}
