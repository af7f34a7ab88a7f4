//! The verbs, one file for each or for a few that belong together. Shared parts: `running` (a run in this process, to
//! its end), `feed` and `follow` (one in another process), `preview` and `shape` (dry runs), and `side_by_side`. `show` has parts
//! of its own: `task_details`, `result` and `slow`; `logs` has `log_lines`.

mod artifacts;
mod cancel;
mod compare;
mod db;
mod doctor;
mod explain_cache;
mod feed;
mod follow;
mod graph;
mod list;
mod log_lines;
mod logs;
mod preview;
mod result;
mod resume;
mod run;
mod running;
mod runs;
mod shape;
mod show;
mod side_by_side;
mod slow;
mod task_details;
mod watch;

use clap::ArgMatches;

use super::Exit;
use super::grammar;
use super::session::Session;
use super::usage::{Usage, UsageResult};

/// Runs the verb that was typed.
pub(super) async fn dispatch(session: &Session, matches: &ArgMatches) -> UsageResult<Exit> {
    let Some((verb, of_verb)) = matches.subcommand() else {
        return Err(Usage::new("say what to do; `--help` tells what there is"));
    };
    match verb {
        "run" => return run::run(session, of_verb).await,
        "resume" | "retry" | "rerun" => return resume::resume(session, verb, of_verb).await,
        "watch" => return watch::watch(session, of_verb).await,
        "logs" => return logs::logs(session, of_verb).await,
        "list" => list::list(session)?,
        "runs" => runs::runs(session, of_verb)?,
        "show" => show::show(session, of_verb)?,
        "artifacts" => artifacts::artifacts(session, of_verb)?,
        "cancel" => cancel::cancel(session, of_verb)?,
        "diff" => compare::diff(session, of_verb)?,
        "compare" => compare::compare(session, of_verb)?,
        "graph" => graph::graph(session, of_verb)?,
        "explain-cache" => explain_cache::explain(session, of_verb)?,
        "db" => db::db(session, of_verb)?,
        "doctor" => return doctor::doctor(session),
        "completions" => completions(session, of_verb),
        other => return Err(Usage::new(format!("bug in flowkit: there is no handler for `{other}`"))),
    }
    Ok(Exit::SUCCESS)
}

fn completions(session: &Session, matches: &ArgMatches) {
    let Some(shell) = matches.get_one::<clap_complete::Shell>("shell") else { return };
    let mut command = grammar::grammar(&session.program);
    let mut script = Vec::new();
    clap_complete::generate(*shell, &mut command, &session.program.name, &mut script);
    super::out::print_lines(String::from_utf8_lossy(&script).trim_end());
}
