//! A subscriber for tests: keeps the events and the spans of `tracing` that one thread causes.
//!
//! `#[flowkit::test]` has one thread, so a subscriber that is set for it sees everything but blocking functions.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, LazyLock, Mutex};

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// What was captured so far. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Captured(Arc<Mutex<Everything>>);

#[derive(Default)]
struct Everything {
    lines: Vec<Line>,
    spans: Vec<SpanLine>,
}

/// One event.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) level: Level,
    pub(crate) message: String,
    pub(crate) fields: Fields,
    /// The spans around it, the outermost first.
    pub(crate) spans: Vec<SpanLine>,
}

/// One span.
#[derive(Clone, Debug)]
pub(crate) struct SpanLine {
    pub(crate) name: &'static str,
    pub(crate) fields: Fields,
    /// The names of the spans around it, the outermost first.
    pub(crate) parents: Vec<&'static str>,
}

/// The fields of an event or a span, as text.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fields(BTreeMap<&'static str, String>);

impl Fields {
    /// Returns a field as text; empty if there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }
}

/// Unused subscribers.
///
/// With only one subscriber in the process, tracing asks the subscriber of the first thread that reaches a line of code
/// whether it is enabled; a test on another thread, which has none, would then disable the line for all.
static KEPT: LazyLock<[Dispatch; 2]> =
    LazyLock::new(|| [(); 2].map(|()| Dispatch::new(tracing_subscriber::registry())));

impl Captured {
    /// Captures what this thread causes until the guard is dropped.
    pub(crate) fn start() -> (Self, DefaultGuard) {
        LazyLock::force(&KEPT);
        let captured = Self::default();
        let subscriber = tracing_subscriber::registry().with(Capture(captured.clone()));
        (captured, tracing::subscriber::set_default(subscriber))
    }

    /// Returns the events of flowkit.
    pub(crate) fn lines(&self) -> Vec<Line> {
        self.0.lock().unwrap().lines.clone()
    }

    /// Returns the spans of flowkit, in the order in which they were made.
    pub(crate) fn spans(&self) -> Vec<SpanLine> {
        self.0.lock().unwrap().spans.clone()
    }

    /// Returns the spans of one name.
    pub(crate) fn spans_named(&self, name: &str) -> Vec<SpanLine> {
        let mut spans = self.spans();
        spans.retain(|span| span.name == name);
        spans
    }
}

struct Capture(Captured);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let Some(span) = context.span(id) else { return };
        let parents = span.parent().into_iter().flat_map(|parent| parent.scope().from_root());
        let parents = parents.map(|parent| parent.name()).collect();
        let line = SpanLine { name: span.name(), fields, parents };
        span.extensions_mut().insert(line.clone());
        if attributes.metadata().target().starts_with("flowkit") {
            self.0.0.lock().unwrap().spans.push(line);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(line) = span.extensions_mut().get_mut::<SpanLine>()
        {
            values.record(&mut line.fields);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if !event.metadata().target().starts_with("flowkit") {
            return;
        }
        let mut fields = Fields::default();
        event.record(&mut fields);
        let message = fields.0.remove("message").unwrap_or_default();
        let scope = context.event_scope(event).into_iter().flat_map(|scope| scope.from_root());
        let spans = scope.filter_map(|span| span.extensions().get::<SpanLine>().cloned()).collect();
        let line = Line { level: *event.metadata().level(), message, fields, spans };
        self.0.0.lock().unwrap().lines.push(line);
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}
