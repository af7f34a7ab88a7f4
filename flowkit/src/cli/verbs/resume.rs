//! `resume`, `retry` and `rerun`: a run goes on, keeping what it has.

use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::Value;

use super::finish::{self, Ended};
use super::rows;
use super::run::{around, is_secret};
use crate::any_flow::FlowSpec;
use crate::cli::Exit;
use crate::cli::resolve;
use crate::cli::session::Session;
use crate::cli::usage::{Outcome, Usage, did_you_mean};
use crate::model::StoredFlowRun;

pub(super) async fn resume(session: &Session, verb: &str, matches: &ArgMatches) -> Outcome<Exit> {
    // Not made where there is none: there would be nothing to go on with.
    drop(session.settings.look_back()?);
    let runtime = finish::runtime(session)?;
    let store = runtime.store().ok_or_else(|| Usage::new("bug in flowkit: no store"))?;
    let run = session.run(store.as_ref(), matches, "run")?;
    let flow = session.program.flow_of(&run.path).ok_or_else(|| {
        let known: Vec<&str> = session.program.flows.iter().map(FlowSpec::ident).collect();
        let known = crate::wording::list(known);
        let short = run.id.short();
        Usage::new(format!(
            "run `{short}` is a run of `{}`, which this program does not have; it has {known}",
            run.flow
        ))
    })?;
    let mut call = runtime.resume(run.id);
    match verb {
        "retry" => call = call.retry_failed(),
        "rerun" => {
            let from = matches.get_one::<String>("from").map(String::as_str).unwrap_or_default();
            let tasks = rows::tasks(store.as_ref(), run.id)?;
            let mut names: Vec<&str> = tasks.iter().map(|task| task.task.as_str()).collect();
            names.dedup();
            if !names.contains(&from) {
                let known = did_you_mean(from, &names);
                let short = run.id.short();
                return Err(Usage::new(format!("run `{short}` has no task `{from}`; {known}")));
            }
            call = call.rerun_from(from);
        }
        _ if matches.get_flag("strict") => call = call.strict(),
        _ => {}
    }
    if let Some(arguments) = with_secrets(session, flow, &run, matches.get_one::<PathBuf>("params"))? {
        call = call.with_arguments(arguments);
    }
    let ended: Ended = runtime.until_signal(call).await;
    finish::finish(session, ended)
}

/// Puts secrets, which no record keeps, into the arguments of a run; `None` if it has none.
fn with_secrets(
    session: &Session,
    flow: &FlowSpec,
    run: &StoredFlowRun,
    path: Option<&PathBuf>,
) -> Outcome<Option<String>> {
    let Some(parameters) = flow.parameters() else { return Ok(None) };
    if !parameters.iter().any(is_secret) && path.is_none() {
        return Ok(None);
    }
    let kept = run.parameters.as_deref().and_then(|json| serde_json::from_str(json).ok());
    let Some(Value::Object(mut arguments)) = kept else { return Ok(None) };
    let layers = around(session, flow, &parameters, path)?;
    for resolved in resolve::resolve(parameters, &layers) {
        let name = resolved.parameter.name;
        match resolved.value {
            Some(value) if is_secret(&resolved.parameter) => {
                arguments.insert(name.to_owned(), value);
            }
            None if is_secret(&resolved.parameter) => {
                let variable = crate::cli::environment::name(name);
                return Err(Usage::new(format!(
                    "`{name}` is a secret, of which no record is kept; give it again, as {variable} or in a file with `--params`"
                )));
            }
            _ => {}
        }
    }
    Ok(Some(Value::Object(arguments).to_string()))
}
