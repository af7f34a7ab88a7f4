//! The layer for a `tracing` registry. Who logs is the task whose body runs here, as every call finds its flow: spans are
//! not read.

use std::cell::Cell;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::keep;
use super::line::EventLine;
use crate::engine::context::with_core;
use crate::model::LogLevel;

/// What the stores say of themselves is not written to a store: it might be about that very writing.
const OF_STORES: &str = "flowkit::store";

/// Returns a layer that keeps the events of `tracing` as log lines of the task run, or the flow run, in which they happen.
///
/// It takes what is `INFO` or more important; [`LogLayer::level`] changes that. Events outside of runs, and in runs that
/// no store keeps, are left alone, and other layers see what they would see without this one. A task run keeps 10,000
/// lines; how many it lost beyond them is counted.
///
/// ```
/// # use flowkit::prelude::*;
/// # use flowkit::{Runtime, store::{LogFilter, MemoryStore}};
/// use tracing_subscriber::prelude::*;
///
/// #[flow]
/// async fn etl() -> Result<()> {
///     tracing::info!(rows = 3, "loaded");
///     Ok(())
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// // In a program: `.init()`, once.
/// let _logs = tracing_subscriber::registry().with(flowkit::layer()).set_default();
/// let runtime = Runtime::builder().store(MemoryStore::new()).build();
/// let id = etl().on(&runtime).run().await.id().unwrap();
/// let lines = runtime.store().unwrap().logs(id, &LogFilter::default(), 0, 10).unwrap();
/// assert_eq!(lines[0].message, "loaded rows=3");
/// # }
/// ```
#[must_use = "a layer does nothing until it is part of a registry"]
pub fn layer() -> LogLayer {
    LogLayer { level: Level::INFO }
}

/// Whether somebody listens to `tracing` here, and keeps nothing of it with the runs.
#[cfg(feature = "cli")]
pub(crate) fn are_heard_and_not_kept() -> bool {
    let keeps = |subscriber: &tracing::Dispatch| subscriber.is::<LogLayer>();
    tracing::dispatcher::has_been_set() && !tracing::dispatcher::get_default(keeps)
}

/// Keeps events of `tracing` as log lines of runs. Made by [`layer`].
#[derive(Clone, Debug)]
pub struct LogLayer {
    level: Level,
}

impl LogLayer {
    /// Sets how important an event must be to be kept. Default: `INFO`.
    #[must_use = "returns the changed layer; the original is untouched"]
    pub fn level(self, level: Level) -> Self {
        Self { level }
    }
}

thread_local! {
    /// Whether a line is being handed over on this thread.
    static LOGGING: Cell<bool> = const { Cell::new(false) };
}

/// Tells `tracing` of a line that is kept already.
#[cfg(feature = "signals")]
pub(super) fn unpersisted(tell: impl FnOnce()) {
    let before = LOGGING.replace(true);
    tell();
    LOGGING.set(before);
}

impl<S: Subscriber> Layer<S> for LogLayer {
    // Not `enabled` and no hint of a level: both would take from the other layers what this one does not want.
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() > self.level || metadata.target().starts_with(OF_STORES) {
            return;
        }
        with_core(|core| {
            let Some((core, run)) = core.and_then(|core| Some((core, core.run()?))) else { return };
            if run.kept.is_none() || LOGGING.get() {
                return;
            }
            let EventLine { target, text } = EventLine::of(event);
            // A store of somebody else may log while it takes a line.
            LOGGING.set(true);
            keep(run, core.id, level(*metadata.level()), target, text);
            LOGGING.set(false);
        });
    }
}

fn level(level: Level) -> LogLevel {
    match level {
        Level::TRACE => LogLevel::Trace,
        Level::DEBUG => LogLevel::Debug,
        Level::INFO => LogLevel::Info,
        Level::WARN => LogLevel::Warn,
        Level::ERROR => LogLevel::Error,
    }
}

#[cfg(all(test, feature = "cli"))]
mod tests {
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::registry;

    use super::*;

    #[test]
    fn a_subscriber_without_the_layer_keeps_nothing() {
        assert!(with_default(registry(), are_heard_and_not_kept));
        assert!(!with_default(registry().with(layer()), are_heard_and_not_kept));
        assert!(!with_default(registry().with(layer().level(Level::WARN)), are_heard_and_not_kept));
    }
}
