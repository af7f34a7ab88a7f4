//! `resume`, `retry` and `rerun`: resuming a recorded run, with its persisted results.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::ArgMatches;
use serde_json::{Map, Value};

use super::preview::preview;
use super::running::{self, Seen};
use crate::cli::flags::{flag, merged};
use crate::cli::layers::beside_flags;
use crate::cli::out::note;
use crate::cli::resolve::Layer;
use crate::cli::rows;
use crate::cli::secrets::{Quoting, quoting, variables};
use crate::cli::session::Session;
use crate::cli::settings::SettingSource;
use crate::cli::shown_values::{self, Of};
use crate::cli::usage::{Usage, UsageResult, meant_or_known};
use crate::cli::{Exit, resolve, unsupported_types, values};
use crate::engine::spec::FlowSpec;
use crate::model::{StoredFlowRun, TaskRun};
use crate::policy::resume::RedoScope;
use crate::store::Store;
use crate::terminal::picture::for_shell;
use crate::text::wording::list;
use crate::value::not_persisted::not_persisted;
use crate::value::secret::is_masked;

pub(super) async fn resume(session: &Session, verb: &str, matches: &ArgMatches) -> UsageResult<Exit> {
    session.settings.check_made()?;
    let runtime = running::runtime(session, matches)?;
    let store = runtime.store().ok_or_else(|| Usage::new("bug in flowkit: no store"))?;
    let run = session.run(store.as_ref(), matches, "run")?;
    let flow = flow_of(session, &run)?;
    let Some(persisted) = run.parameters.clone() else { return Err(without_arguments(flow, &run)) };
    let tasks = rows::tasks(store.as_ref(), run.id)?;
    let redo = redo(verb, matches, store.as_ref(), &run, &tasks)?;
    let typed = typed_parameters(matches, flow)?;
    if matches.get_flag("dry-run") {
        preview(session, store.as_ref(), verb, &run, redo)?;
        return Ok(Exit::SUCCESS);
    }
    let arguments = completed(session, flow, &run, typed, matches.get_one::<PathBuf>("params"))?;
    if verb == "resume" && run.state.is_success() {
        note(format!(
            "run {} has completed: there is nothing to resume, and this is its result",
            run.id.short()
        ));
    }
    let mut call = runtime.resume(run.id);
    call.options.redo = redo;
    call.options.strict = verb == "resume" && matches.get_flag("strict");
    call.options.arguments = arguments;
    let values = serde_json::from_str(&persisted).unwrap_or_default();
    let words = shown_values::in_words(flow.all_parameters().iter(), &values, Of::Recorded);
    let view = rows::view(store.as_ref(), &run, &tasks)?.with_parameters(&words);
    let screen = running::screen(session, &runtime, flow, Seen { persisted: Some(persisted), words });
    screen.show(view);
    let ended = running::until_over(&runtime, screen, call).await;
    running::finish(session, &runtime, matches, ended).await
}

/// Finds the flow of the run in this program.
fn flow_of<'s>(session: &'s Session, run: &StoredFlowRun) -> UsageResult<&'s FlowSpec> {
    session.program.flow_of(&run.path).ok_or_else(|| {
        let known = list(session.program.flows.iter().map(FlowSpec::ident));
        let last = session.program.only_flow().map_or("<flow>", FlowSpec::ident);
        Usage::new(format!(
            "run `{}` is a run of `{}`, which this program does not have; it has {known}: write `last:{last}`",
            run.id.short(),
            run.flow
        ))
    })
}

/// Returns what to run again, if the verb says it.
fn redo(
    verb: &str,
    matches: &ArgMatches,
    store: &dyn Store,
    run: &StoredFlowRun,
    tasks: &[TaskRun],
) -> UsageResult<Option<RedoScope>> {
    Ok(match verb {
        "retry" => {
            check_failures(run, tasks)?;
            Some(RedoScope::Failed)
        }
        "rerun" => {
            let from = matches.get_one::<String>("from").cloned().unwrap_or_default();
            check_task(store, run, tasks, &from)?;
            Some(RedoScope::From(from))
        }
        _ => None,
    })
}

/// Refuses a run in which nothing has failed: its body would run again for nothing.
fn check_failures(run: &StoredFlowRun, tasks: &[TaskRun]) -> UsageResult<()> {
    if !run.state.is_success() || tasks.iter().any(|task| task.state.is_failure()) {
        return Ok(());
    }
    let short = run.id.short();
    Err(Usage::new(format!("nothing has failed in run `{short}`; `rerun --from <task>` reruns a task")))
}

/// Refuses a task that the run has not called by itself.
fn check_task(store: &dyn Store, run: &StoredFlowRun, tasks: &[TaskRun], name: &str) -> UsageResult<()> {
    let names = rows::names(tasks);
    if names.contains(&name) {
        return Ok(());
    }
    let remedy = match sub_flow_with(store, tasks, name)? {
        Some(node) => {
            format!("its sub-flow `{node}` has: `--from {}` does all of that again", for_shell(node))
        }
        None => meant_or_known(name, &names),
    };
    Err(Usage::new(format!("run `{}` has no task `{name}`; {remedy}", run.id.short())))
}

/// Explains why a run without persisted arguments cannot be resumed.
fn without_arguments(flow: &FlowSpec, run: &StoredFlowRun) -> Usage {
    let why = unsupported_types::unpersisted(flow)
        .unwrap_or_else(|| "one of them could not be written as JSON".to_owned());
    Usage::new(format!(
        "the arguments of run `{}` are not persisted, so it cannot be resumed: {why}",
        run.id.short()
    ))
}

/// Finds the first sub-flow in which there is such a task.
fn sub_flow_with<'t>(store: &dyn Store, tasks: &'t [TaskRun], name: &str) -> UsageResult<Option<&'t str>> {
    for node in tasks {
        let Some(behind) = node.flow_run else { continue };
        if rows::tasks(store, behind)?.iter().any(|task| task.task == name) {
            return Ok(Some(&node.task));
        }
    }
    Ok(None)
}

/// Returns the arguments on the command line, as `--param <name>=<value>`.
fn typed_parameters(matches: &ArgMatches, flow: &FlowSpec) -> UsageResult<Option<Layer>> {
    let mut values = Map::new();
    let parameters = flow.all_parameters();
    let quoting = quoting(&parameters);
    for typed in matches.get_many::<String>("param").unwrap_or_default() {
        let Some((name, text)) = typed.split_once('=') else {
            // It may be a secret without its name.
            let name = if quoting == Quoting::Values { typed } else { "<name>" };
            return Err(Usage::new(format!("`--param` has no value; write `--param {name}=…`")));
        };
        let Some(parameter) = parameters.iter().find(|known| known.name == name || flag(known.name) == name)
        else {
            let names: Vec<_> = parameters.iter().map(|parameter| parameter.name).collect();
            return Err(Usage::new(format!("`--param`: {}", quoting.unknown("parameter", name, &names))));
        };
        let value = values::parse(&parameter.param_type, text)
            .map_err(|misfit| Usage::new(format!("parameter `{name}`: {}", misfit.message(quoting))))?;
        values.insert(parameter.name.to_owned(), value);
    }
    Ok((!values.is_empty()).then(|| Layer { source: SettingSource::Flag("param".to_owned()), values }))
}

/// Completes the persisted arguments of a run with what is not persisted: secrets, and values that could not be serialized. `None`
/// if nothing is missing.
fn completed(
    session: &Session,
    flow: &FlowSpec,
    run: &StoredFlowRun,
    typed: Option<Layer>,
    path: Option<&PathBuf>,
) -> UsageResult<Option<String>> {
    let persisted = run.parameters.as_deref().and_then(|json| serde_json::from_str(json).ok());
    let (Some(parameters), Some(Value::Object(mut arguments))) = (flow.parameters(), persisted) else {
        return Ok(None);
    };
    // The parameters that are missing or incomplete, each with the environment variables that can complete it.
    let mut missing: HashMap<&str, Vec<String>> =
        parameters.iter().map(|parameter| (parameter.name, variables(parameter, &arguments))).collect();
    missing.retain(|_, variables| !variables.is_empty());
    let superfluous =
        typed.iter().flat_map(|typed| typed.values.keys()).find(|name| !missing.contains_key(name.as_str()));
    let superfluous = match (superfluous, path) {
        (Some(name), _) => Some(format!("--param {name}=…")),
        (None, Some(_)) if missing.is_empty() => Some("--params".to_owned()),
        _ => None,
    };
    if let Some(superfluous) = superfluous {
        return Err(Usage::new(format!(
            "run `{}` is resumed with its persisted arguments; leave out `{superfluous}`, or begin a new run with \
             `run {} --like {}`",
            run.id.short(),
            flow.ident(),
            run.id.short()
        )));
    }
    if missing.is_empty() {
        return Ok(None);
    }
    let mut layers = beside_flags(session, flow, &parameters, path)?;
    layers.splice(0..0, typed);
    for resolved in resolve::resolve(parameters, &layers) {
        let name = resolved.parameter.name;
        let Some(variables) = missing.get(name) else { continue };
        let persisted = arguments.remove(name).unwrap_or_default();
        let reason = not_persisted(&persisted).map(str::to_owned);
        let value = resolved.value.filter(|_| resolved.sources != [SettingSource::Default]);
        let persisted = if reason.is_some() { Value::Null } else { persisted };
        let complete = value.map(|value| merged(persisted, value)).filter(|complete| !is_masked(complete));
        let Some(complete) = complete else {
            let why = match reason {
                None => format!("`{name}` is a secret, which is not recorded"),
                Some(reason) => format!(
                    "this run cannot be resumed without giving `{name}` again, which could not be persisted: {reason}"
                ),
            };
            let variables = list(variables);
            return Err(Usage::new(format!(
                "{why}; give it again, as {variables}, with `--param {name}=…`, or in a file with `--params`"
            )));
        };
        arguments.insert(name.to_owned(), complete);
    }
    Ok(Some(Value::Object(arguments).to_string()))
}
