//! `resume`, `retry` and `rerun`: resuming a recorded run, with its persisted results.

use std::collections::HashMap;
use std::path::PathBuf;

use clap::ArgMatches;

use super::preview::{failed_elsewhere, preview, words_elsewhere};
use super::running::{self, Seen};
use crate::cli::flags::{flag, merged};
use crate::cli::layers::beside_flags;
use crate::cli::resolve::Layer;
use crate::cli::rows;
use crate::cli::secrets::{Quoting, quoting, variables};
use crate::cli::session::Session;
use crate::cli::settings::SettingSource;
use crate::cli::shown_values::{self, Of};
use crate::cli::task_ref::{self, SEPARATOR};
use crate::cli::usage::{Usage, UsageResult};
use crate::cli::{Exit, resolve, unsupported_types, values};
use crate::engine::spec::FlowSpec;
use crate::model::{State, StoredFlowRun};
use crate::policy::resume::{RedoRows, RedoScope};
use crate::store::{Store, TaskRunFilter};
use crate::terminal::picture::for_shell;
use crate::text::wording::list;
use crate::value::json::{Json, Members};
use crate::value::not_persisted::not_persisted;
use crate::value::secret::is_masked;

pub(super) async fn resume(session: &Session, verb: &str, matches: &ArgMatches) -> UsageResult<Exit> {
    session.settings.check_made()?;
    let runtime = running::runtime(session, matches)?;
    let store = runtime.store().ok_or_else(|| Usage::new("bug in flowkit: no store"))?;
    let run = session.run(store.as_ref(), matches, "run")?;
    let flow = flow_of(session, &run)?;
    let Some(persisted) = run.parameters.clone() else { return Err(without_arguments(flow, &run)) };
    let redo = redo(verb, matches, store.as_ref(), &run)?;
    let typed = typed_parameters(matches, flow)?;
    if matches.get_flag("dry-run") {
        preview(session, store.as_ref(), verb, &run, redo)?;
        return Ok(Exit::SUCCESS);
    }
    let arguments = completed(session, flow, &run, typed, matches.get_one::<PathBuf>("params"))?;
    if let Some(words) = redo.as_ref().map(|redo| elsewhere(store.as_ref(), &run, redo)).transpose()? {
        words.into_iter().for_each(|words| running::advise(matches, words));
    }
    if verb == "resume" && run.state.is_success() {
        let words = "there is nothing to resume, and this is its result";
        running::advise(matches, format!("run {} has completed: {words}", run.id.short()));
    }
    let mut call = runtime.resume(run.id);
    call.options.redo = redo;
    call.options.location = session.location;
    call.options.strict = verb == "resume" && matches.get_flag("strict");
    call.options.arguments = arguments;
    let values = Json::recorded(&persisted).and_then(Json::into_object).unwrap_or_default();
    let words = shown_values::in_words(flow.all_parameters().iter(), &values, Of::Recorded);
    let family = rows::family(store.as_ref(), run)?;
    let view = rows::view(store.as_ref(), &family)?.with_parameters(&words);
    let screen =
        running::screen(session, &runtime, matches, flow, Seen { persisted: Some(persisted), words });
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
) -> UsageResult<Option<RedoScope>> {
    Ok(match verb {
        "retry" => {
            check_failures(store, run)?;
            Some(RedoScope::Failed)
        }
        "rerun" => {
            let typed = matches.get_one::<String>("from").map(String::as_str).unwrap_or_default();
            Some(RedoScope::From(named(store, run, typed)?))
        }
        _ => None,
    })
}

/// Says what a rerun runs again beside what was named: what failed elsewhere.
fn elsewhere(store: &dyn Store, run: &StoredFlowRun, redo: &RedoScope) -> UsageResult<Option<String>> {
    if !matches!(redo, RedoScope::From(_)) {
        return Ok(None);
    }
    let rows = rows::tasks(store, run.id)?;
    Ok(words_elsewhere(&failed_elsewhere(&rows, &RedoRows::select(&rows, redo))))
}

/// Refuses a run in which nothing has failed: its body would run again for nothing.
fn check_failures(store: &dyn Store, run: &StoredFlowRun) -> UsageResult<()> {
    if !run.state.is_success() {
        return Ok(());
    }
    let states =
        vec![State::Failed, State::TimedOut, State::Cancelled, State::Crashed, State::UpstreamFailed];
    if rows::has_task(store, run.id, &TaskRunFilter { states, ..TaskRunFilter::default() })? {
        return Ok(());
    }
    let short = run.id.short();
    Err(Usage::new(format!("nothing has failed in run `{short}`; `rerun --from <task>` reruns a task")))
}

/// Returns the name to rerun from; refuses one that the run has not called by itself.
fn named(store: &dyn Store, run: &StoredFlowRun, typed: &str) -> UsageResult<String> {
    let called = TaskRunFilter { called: Some(typed.to_owned()), ..TaskRunFilter::default() };
    if rows::has_task(store, run.id, &called)? {
        return Ok(typed.to_owned());
    }
    let family = rows::family(store, run.clone())?;
    let chosen = task_ref::tasks(store, &family, typed)?.swap_remove(0);
    let Some(path) = chosen.member.path.as_deref() else {
        return Ok(chosen.filter.called.unwrap_or_else(|| typed.to_owned()));
    };
    let node = path.split(SEPARATOR).next().unwrap_or(path);
    Err(Usage::new(format!(
        "run `{}` has no task `{typed}`; its sub-flow `{node}` has: `--from {}` does all of that again",
        run.id.short(),
        for_shell(node)
    )))
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

/// Returns the arguments on the command line, as `--param <name>=<value>`.
fn typed_parameters(matches: &ArgMatches, flow: &FlowSpec) -> UsageResult<Option<Layer>> {
    let mut values = Members::new();
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
    let persisted = run.parameters.as_deref().and_then(Json::recorded);
    let (Some(parameters), Some(Json::Object(mut arguments))) = (flow.parameters(), persisted) else {
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
        let persisted = if reason.is_some() { Json::Null } else { persisted };
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
    Ok(Some(Json::Object(arguments).to_string()))
}
