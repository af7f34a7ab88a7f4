//! Events of `tracing`, and records of the crate `log`, as lines on standard error. Which ones, `--log-level` or `RUST_LOG`
//! says; without either none. What the database keeps of them is the business of `ctx/logs/layer.rs`.

use std::io::Write as _;
use std::str::FromStr as _;
use std::sync::OnceLock;

use tracing::level_filters::LevelFilter;
use tracing::{Event, Level, Subscriber};
use tracing_log::LogTracer;
use tracing_log::log;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use super::usage::{Usage, UsageResult};
use crate::clock;
use crate::ctx::logs::layer::{layer, level};
use crate::ctx::logs::line::EventLine;
use crate::engine::context::with_core;
use crate::model::LogLevel;
use crate::terminal::{plain_lines, stderr};
use crate::text::columns::visible;

const VARIABLE: &str = "RUST_LOG";

/// Which events are printed; not set until the command line has been read, and where none are.
static PRINTED: OnceLock<Targets> = OnceLock::new();

/// Whether the subscriber of this process is the one of [`listen`].
static LISTENS: OnceLock<()> = OnceLock::new();

/// Persists events, and prints those that are chosen later, unless the program has set a subscriber of its own.
pub(super) fn listen() {
    if tracing::dispatcher::has_been_set() {
        return;
    }
    let subscriber = tracing_subscriber::registry().with(layer()).with(LinesLayer);
    // Another thread may have set one meanwhile, and then that one stays.
    if tracing::subscriber::set_global_default(subscriber).is_ok() {
        let _listens = LISTENS.set(());
        // Only what is persisted; `choose` may ask for more. The program may have a logger of its own, which stays.
        let _own = LogTracer::builder().with_max_level(log::LevelFilter::Info).init();
    }
}

/// Chooses the events that are printed: those of `typed`, a level, or else those of `RUST_LOG`.
///
/// # Errors
///
/// If `typed` has no effect, because the program has a subscriber of its own. Nonsense in `RUST_LOG`, which may be meant for
/// another program, is returned as a note.
pub(super) fn choose(typed: Option<&str>) -> UsageResult<Option<String>> {
    let is_ours = LISTENS.get().is_some();
    let (targets, note) = match typed {
        Some(_) if !is_ours => {
            return Err(Usage::new(
                "`--log-level` has no effect: this program has a subscriber of `tracing` of its own, which decides what is \
                 printed",
            ));
        }
        Some(level) => (level.parse().ok(), None),
        None if is_ours => chosen_by(std::env::var(VARIABLE).ok().as_deref()),
        None => (None, None),
    };
    if let Some(targets) = targets {
        let most = targets.iter().map(|(_, level)| level).chain(targets.default_level()).max();
        log::set_max_level(as_log(most.unwrap_or(LevelFilter::OFF)).max(log::LevelFilter::Info));
        let _once = PRINTED.set(targets);
    }
    Ok(note)
}

/// Returns what a value of `RUST_LOG` asks for, or why it is ignored.
fn chosen_by(variable: Option<&str>) -> (Option<Targets>, Option<String>) {
    let Some(directives) = variable.map(str::trim).filter(|directives| !directives.is_empty()) else {
        return (None, None);
    };
    // It would take a span for a part of the module's name.
    let has_spans = directives.contains('[');
    match Targets::from_str(directives) {
        Ok(targets) if !has_spans => (Some(targets), None),
        _ => {
            let words = "it takes levels and modules, such as `warn` or `info,my_program=debug`, but no spans or fields";
            (None, Some(format!("note: `{VARIABLE}` is ignored: {words}")))
        }
    }
}

fn as_log(level: LevelFilter) -> log::LevelFilter {
    match level.into_level() {
        None => log::LevelFilter::Off,
        Some(Level::ERROR) => log::LevelFilter::Error,
        Some(Level::WARN) => log::LevelFilter::Warn,
        Some(Level::INFO) => log::LevelFilter::Info,
        Some(Level::DEBUG) => log::LevelFilter::Debug,
        Some(Level::TRACE) => log::LevelFilter::Trace,
    }
}

/// Prints events. Spans are not read: as for the database, a line belongs to the task whose body runs here.
struct LinesLayer;

impl<S: Subscriber> Layer<S> for LinesLayer {
    // Neither `enabled` nor a level hint: both would take events from the log of the run.
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Some(printed) = PRINTED.get() else { return };
        let level_of_event = event.metadata().level();
        let most = printed.iter().map(|(_, level)| level).chain(printed.default_level()).max();
        if most.is_none_or(|most| *level_of_event > most) {
            return;
        }
        let EventLine { target, text } = with_core(|core| EventLine::of(event, core));
        if printed.would_enable(&target, level_of_event) {
            // An error means that the reader has closed the stream.
            let _closed = stderr().write_all(line(level(*level_of_event), &target, &text).as_bytes());
        }
    }
}

/// Writes a line: the time, the level, the run if there is one, with the name of the task and the short id, and the event.
fn line(level: LogLevel, target: &str, text: &str) -> String {
    let label = with_core(|core| {
        let core = core?;
        let run = core.run().map(|run| format!(" run={}", run.id.short()));
        Some(format!("{}{} ", visible(core.label().as_str()), run.unwrap_or_default()))
    });
    let level = level.name().to_uppercase();
    format!(
        "{} {level:<7} {}{}: {}\n",
        plain_lines::clock(clock::wall()),
        label.unwrap_or_default(),
        visible(target),
        visible(text)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_forms_of_the_variable_are_understood_and_others_are_ignored_with_a_note() {
        let is_printed = |variable: &str, target: &str, level: Level| {
            let (targets, note) = chosen_by(Some(variable));
            assert_eq!(note, None, "{variable}");
            targets.is_some_and(|targets| targets.would_enable(target, &level))
        };
        assert!(is_printed("warn", "hyper::client", Level::WARN));
        assert!(!is_printed("warn", "hyper::client", Level::INFO));
        assert!(is_printed("WARN", "hyper", Level::ERROR));
        assert!(is_printed("info,etl=debug,hyper=off", "etl::load", Level::DEBUG));
        assert!(!is_printed("info,etl=debug,hyper=off", "hyper::client", Level::ERROR));
        assert!(is_printed("etl", "etl::load", Level::TRACE));
        assert!(!is_printed("etl=trace", "hyper", Level::ERROR));
        assert!(!is_printed("off", "hyper", Level::ERROR));
        let (targets, note) = chosen_by(Some("etl[load{rows}]=debug"));
        assert!(targets.is_none() && note.is_some_and(|note| note.contains("`RUST_LOG` is ignored")));
        assert!(chosen_by(Some(" ")).0.is_none() && chosen_by(None).0.is_none());
    }
}
