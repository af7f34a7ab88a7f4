//! What every verb that runs something shares: the runtime, the screen, and the report of the end.

use std::time::Duration;

use clap::ArgMatches;
use serde_json::json;

use crate::cli::Exit;
use crate::cli::json as lines;
use crate::cli::log_lines;
use crate::cli::out::{Shown, note, print_line};
use crate::cli::outcome;
use crate::cli::secrets;
use crate::cli::session::Session;
use crate::cli::usage::{Usage, UsageResult, with_causes};
use crate::engine::runtime::Runtime;
use crate::engine::spec::{AnyFlowResult, AnyFlowRun, FlowSpec};
use crate::model::{Error, StoredFlowRun};
use crate::shutdown::Interrupted;
use crate::terminal::{Options, Screen};
use crate::text::columns::{shortened, visible};
use crate::text::wording::counted;
use crate::value::json::Json;

/// Upper bound on the delay between a print and its capture, also on a busy machine.
const HEARD_AFTER: Duration = Duration::from_millis(100);

/// A longer result is cut: it is shown to be recognised.
const VALUE_COLUMNS_MAX: usize = 200;

/// Prints what users should know before a run, unless they want nothing printed.
pub(super) fn advise(matches: &ArgMatches, words: impl Into<Shown>) {
    if !matches.get_flag("quiet") {
        note(words);
    }
}

/// Builds the runtime of the program, with its store.
pub(super) fn runtime(session: &Session, matches: &ArgMatches) -> UsageResult<Runtime> {
    let is_quiet = matches.get_flag("quiet");
    if is_quiet && session.is_json() {
        return Err(Usage::new(
            "`--quiet` is for people, and `--output json` for programs: leave out one of them",
        ));
    }
    let level = matches.get_one::<String>("log-level");
    if !is_quiet && let Some(words) = log_lines::choose(level.map(String::as_str))? {
        note(words);
    }
    if crate::ctx::logs::layer::has_subscriber_without_layer() {
        let words = "note: events of `tracing` are not persisted with the runs; add `flowkit::layer()` to the subscriber";
        advise(matches, words);
    }
    let builder = Runtime::builder().store(session.settings.open()?);
    let builder = match session.settings.stop_grace {
        Some((grace, _)) => builder.stop_grace(grace),
        None => builder,
    };
    let builder = if matches.get_flag("no-cache") { builder.no_cache() } else { builder };
    let builder = if matches.get_flag("refresh-cache") { builder.refresh_cache() } else { builder };
    let builder = session.program.flows.iter().fold(builder, |builder, flow| builder.flow(*flow));
    Ok(builder.build())
}

/// The arguments of a call without secrets.
pub(super) struct Seen {
    /// As they are persisted; `None` if they are not.
    pub(super) persisted: Option<String>,
    /// As people would type them, for the screen to shorten.
    pub(super) words: String,
}

/// Shows the run of `flow` until the screen is dropped.
pub(super) fn screen(
    session: &Session,
    runtime: &Runtime,
    matches: &ArgMatches,
    flow: &FlowSpec,
    seen: Seen,
) -> Screen {
    let offers = session.offers(Some(flow), seen.persisted.as_deref());
    // Captured output becomes lines of the run's log.
    let printing = runtime.downgrade();
    let mut options = Options::new(offers).on_line(move |_run, line| {
        if let Some(runtime) = printing.upgrade() {
            runtime.log_line(line, HEARD_AFTER);
        }
    });
    if matches.get_flag("quiet") {
        options = options.quiet();
    }
    if session.program.owns_output {
        options = options.owns_output();
    }
    // Programs read the persisted arguments, people what they typed.
    match (session.is_json(), seen.persisted) {
        (true, Some(persisted)) => {
            options = options.json().parameters(secrets::recorded_text(&flow.all_parameters(), &persisted));
        }
        (true, None) => options = options.json(),
        (false, _) => options = options.parameters(seen.words),
    }
    Screen::attach(runtime, options)
}

/// Runs `call` until it ends or a signal suspends it, and closes the screen. The screen shows a signal at once.
pub(super) async fn until_over<F>(
    runtime: &Runtime,
    screen: Screen,
    call: F,
) -> Result<AnyFlowResult, Interrupted>
where
    F: IntoFuture<Output = AnyFlowResult>,
{
    let ended = runtime.until_signal_notifying(call, |signal, grace| screen.stopping(signal, grace)).await;
    screen.finish();
    ended
}

/// Reports how the run ended.
pub(super) async fn finish(
    session: &Session,
    runtime: &Runtime,
    matches: &ArgMatches,
    ended: Result<AnyFlowResult, Interrupted>,
) -> UsageResult<Exit> {
    match ended {
        Ok(Ok(run)) => {
            // A log line may have been written after the end.
            let flushed = runtime.flushed().await;
            // A store that cannot be written does not have the end of the run either.
            let stored = match (&flushed, runtime.store()) {
                (Ok(()), Some(store)) => store.flow_run(run.id())?,
                _ => None,
            };
            let exit = report(session, &run, stored.as_ref(), matches);
            match flushed {
                // The screen has shown a failure already.
                Err(lost) if run.state().is_success() => {
                    note(format!("error: what happened last is not persisted: {}", with_causes(&lost)));
                    Ok(Exit::FAILURE)
                }
                _ => Ok(exit),
            }
        }
        // A run that never began was requested in a wrong way.
        Ok(Err(error @ (Error::Refused { .. } | Error::Store { .. }))) => {
            Err(Usage::new(with_causes(&error)))
        }
        Ok(Err(error)) => {
            note(format!("error: {}", with_causes(&error)));
            Ok(Exit::FAILURE)
        }
        Err(interrupted) => {
            // The screen has shown that the run was suspended, and how to resume it if that is possible.
            let lost = interrupted.lost.as_ref();
            let lost = lost.map(|reason| format!("; what happened last could not be persisted: {reason}"));
            if lost.is_some() || !matches.get_flag("quiet") {
                note(format!("stopped by {}{}", interrupted.signal, lost.unwrap_or_default()));
            }
            Ok(Exit(interrupted.code()))
        }
    }
}

/// Prints the result, which is no event; the screen has shown the rest.
fn report(session: &Session, run: &AnyFlowRun, stored: Option<&StoredFlowRun>, matches: &ArgMatches) -> Exit {
    let is_quiet = matches.get_flag("quiet");
    let (id, state) = (run.id(), run.state());
    let with_failures = stored.filter(|stored| stored.completed_with_failures());
    if session.is_json() {
        let (outcome, failures) =
            (with_failures.and_then(outcome::word), stored.map(|stored| stored.failures));
        let fields = json!({ "id": id, "state": state, "outcome": outcome, "failures": failures });
        let value = run.value().and_then(Json::recorded);
        print_line(lines::line("run.result", Some(id), fields).with("value", value));
    } else if let Some(value) =
        run.value().filter(|value| state.is_success() && *value != "null" && !is_quiet)
    {
        note(format!("   Result: {}", shortened(&visible(value), VALUE_COLUMNS_MAX)));
    }
    match with_failures {
        // The screen has shown how many.
        Some(_) if is_quiet && matches.get_flag("fail-on-any-task") => Exit::FAILURE,
        Some(stored) if matches.get_flag("fail-on-any-task") => {
            let failures =
                counted(usize::try_from(stored.failures).unwrap_or(usize::MAX), "task run", "task runs");
            note(format!("error: {failures} failed, and `--fail-on-any-task` asks for none"));
            Exit::FAILURE
        }
        _ if state.is_success() => Exit::SUCCESS,
        _ => Exit::FAILURE,
    }
}
