//! `db`: the path of the database, pruning, export, and checks.

use clap::ArgMatches;
use serde_json::json;

use crate::cli::json::{self, line};
use crate::cli::out::print_line;
use crate::cli::rows;
use crate::cli::session::Session;
use crate::cli::usage::{Usage, UsageResult};
use crate::store::{FlowRunFilter, History as _, Retention, SqliteStore};
use crate::text::duration;
use crate::text::wording::counted;

/// How many runs are read at once.
const PAGE: usize = 100;

pub(super) fn db(session: &Session, matches: &ArgMatches) -> UsageResult<()> {
    match matches.subcommand() {
        Some(("path", _)) => {
            path(session);
            Ok(())
        }
        Some(("gc", matches)) => gc(session, &session.settings.look_back()?, matches),
        Some(("export", _)) => export(session, &session.settings.look_back()?),
        Some(("check", _)) => check(session, &session.settings.look_back()?),
        Some(("new-key", _)) => new_key(session, &session.settings.look_back()?),
        _ => {
            Err(Usage::new("say what to do with the database: `path`, `gc`, `export`, `check` or `new-key`"))
        }
    }
}

fn path(session: &Session) {
    let settings = &session.settings;
    if session.is_json() {
        let fields = json!({ "path": settings.database, "source": settings.database_source.to_string() });
        print_line(line("database", None, fields));
    } else {
        print_line(settings.database.display().to_string());
    }
}

fn gc(session: &Session, store: &SqliteStore, matches: &ArgMatches) -> UsageResult<()> {
    let older = matches.get_one::<String>("older");
    let read = |typed: &String| {
        duration::read(typed).ok_or_else(|| {
            Usage::new(format!("`--older-than {typed}` is not a duration; write one such as `30d` or `12h`"))
        })
    };
    let younger_than = older.map(read).transpose()?;
    let newest = matches.get_one::<u64>("keep").copied().filter(|keep| *keep > 0);
    if younger_than.is_none() && newest.is_none() {
        return Err(Usage::new("say what may go: `--older-than 30d`, `--keep 100`, or both"));
    }
    let removed = store.prune(Retention { younger_than, newest, ..Retention::default() })?;
    if session.is_json() {
        print_line(line(
            "database.gc",
            None,
            json!({ "flow_runs": removed.flow_runs, "files": removed.files, "bytes": removed.bytes }),
        ));
    } else {
        let count = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
        let runs = counted(count(removed.flow_runs), "run", "runs");
        let files = counted(count(removed.files), "file", "files");
        let shorter = match removed.bytes >> 20 {
            0 => String::new(),
            megabytes => format!("; the database is {megabytes} MB shorter"),
        };
        print_line(format!("removed {runs} and {files} of results{shorter}"));
    }
    Ok(())
}

/// Prints everything, the newest run first, including runs of sub-flows.
fn export(session: &Session, store: &SqliteStore) -> UsageResult<()> {
    let filter = FlowRunFilter { sub_flows: true, ..FlowRunFilter::default() };
    let mut before = None;
    loop {
        let page = store.flow_runs(&filter, before, PAGE)?;
        for run in &page.runs {
            print_line(json::run(session, run));
            rows::with_tasks(store, run.id, |rows| {
                rows.for_each(|task| print_line(json::task_run(run.id, &task)));
            })?;
        }
        before = page.next;
        if before.is_none() {
            return Ok(());
        }
    }
}

fn check(session: &Session, store: &SqliteStore) -> UsageResult<()> {
    store.check()?;
    if session.is_json() {
        print_line(line("database.checked", None, json!({ "path": store.path(), "whole": true })));
    } else {
        print_line(format!("{} is whole", store.path().display()));
    }
    Ok(())
}

/// Creates a new key for secrets, if the old one is gone.
fn new_key(session: &Session, store: &SqliteStore) -> UsageResult<()> {
    let made = store.new_seal_key()?;
    if session.is_json() {
        print_line(line("database.key", None, json!({ "path": store.path(), "made": made })));
    } else if made {
        print_line("made another key; calls with secrets are made again when their runs are resumed");
    } else {
        print_line("the key is there: nothing was changed");
    }
    Ok(())
}
