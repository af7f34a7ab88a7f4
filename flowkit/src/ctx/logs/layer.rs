//! The layer for a `tracing` registry. A line belongs to the task whose body runs here, as every call finds its flow: spans
//! are not read.

use std::cell::Cell;

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::line::EventLine;
use super::persist;
use crate::engine::context::with_core;
use crate::model::LogLevel;

/// Events of the stores themselves are not written to a store: they might be about that very writing.
const OF_STORES: &str = "flowkit::store";

/// Returns a layer that persists the events of `tracing` as log lines of the task run, or the flow run, in which they
/// happen.
///
/// It takes events of level `INFO` and above; [`LogLayer::level`] changes that. Events outside of runs, and in runs without
/// a store, are ignored, and other layers see the same events as without this one. A task run has at most 10,000 lines;
/// further ones are dropped and counted.
///
/// No other line is dropped: when about 65,000 entries or 64 MB wait to be written, the thread that logs waits until the store
/// has written the next few thousand, mostly some tens of milliseconds, in async code too. While the store cannot be written at
/// all, this takes as long as its outage ([`SqliteOptions::retry_for`](crate::store::SqliteOptions::retry_for)), as it does for
/// everything else that a run records.
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

/// Whether there is a subscriber here without this layer, so that events are not persisted.
pub(crate) fn has_subscriber_without_layer() -> bool {
    let has_layer = |subscriber: &tracing::Dispatch| subscriber.is::<LogLayer>();
    tracing::dispatcher::has_been_set() && !tracing::dispatcher::get_default(has_layer)
}

/// Persists events of `tracing` as log lines of runs; made by [`layer`].
#[derive(Clone, Debug)]
pub struct LogLayer {
    level: Level,
}

impl LogLayer {
    /// Sets the least severe level that is persisted. Default: `INFO`.
    #[must_use = "returns the changed layer; the original is untouched"]
    pub fn level(self, level: Level) -> Self {
        Self { level }
    }
}

thread_local! {
    /// Whether a line is being passed to a store on this thread.
    static LOGGING: Cell<bool> = const { Cell::new(false) };
}

/// Persists a line that a child process of the current task has printed, and sends it to `tracing`.
pub(crate) fn printed(target: &'static str, line: &str) {
    with_core(|core| {
        if let Some((core, run)) = core.and_then(|core| Some((core, core.run()?))) {
            persist(run, core.id, LogLevel::Info, target.to_owned(), line.to_owned());
        }
    });
    let before = LOGGING.replace(true);
    tracing::info!(target: "flowkit::command", stream = target, "{line}");
    LOGGING.set(before);
}

impl<S: Subscriber> Layer<S> for LogLayer {
    // Neither `enabled` nor a level hint: both would take events from the other layers that this one ignores.
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() > self.level || metadata.target().starts_with(OF_STORES) {
            return;
        }
        with_core(|core| {
            let Some((core, run)) = core.and_then(|core| Some((core, core.run()?))) else { return };
            if run.run_store.is_none() || LOGGING.get() {
                return;
            }
            let EventLine { target, text } = EventLine::of(event, Some(core));
            // A user's store may log while it takes a line.
            LOGGING.set(true);
            persist(run, core.id, level(*metadata.level()), target, text);
            LOGGING.set(false);
        });
    }
}

pub(crate) fn level(level: Level) -> LogLevel {
    match level {
        Level::TRACE => LogLevel::Trace,
        Level::DEBUG => LogLevel::Debug,
        Level::INFO => LogLevel::Info,
        Level::WARN => LogLevel::Warn,
        Level::ERROR => LogLevel::Error,
    }
}

#[cfg(test)]
mod tests {
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt as _;
    use tracing_subscriber::registry;

    use super::*;

    #[tokio::test]
    async fn a_line_of_flowkit_does_not_repeat_the_name_of_the_task_that_it_belongs_to() {
        use crate::prelude::*;
        use crate::store::{LogFilter, MemoryStore};

        #[task]
        async fn load() -> std::result::Result<u32, crate::BoxError> {
            Err("no such page".into())
        }

        #[flow]
        async fn nightly() -> Result<u32> {
            Ok(load().await?)
        }

        let _logs = tracing::subscriber::set_default(registry().with(layer()));
        let runtime = crate::Runtime::builder().store(MemoryStore::new()).build();
        let id = nightly().on(&runtime).run().await.id().unwrap();
        let lines = runtime.store().unwrap().logs(id, &LogFilter::default(), 0, 10).unwrap();
        let texts: Vec<_> = lines.iter().map(|line| line.message.as_str()).collect();
        assert!(texts.contains(&"failed attempts=1 error=no such page"), "{texts:?}");
    }

    #[test]
    fn a_subscriber_without_the_layer_persists_nothing() {
        assert!(with_default(registry(), has_subscriber_without_layer));
        assert!(!with_default(registry().with(layer()), has_subscriber_without_layer));
        assert!(!with_default(registry().with(layer().level(Level::WARN)), has_subscriber_without_layer));
    }
}
