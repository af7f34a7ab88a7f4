//! An event of `tracing` as one line of text: its message, and its fields after it as `key=value`.

use std::fmt::{self, Write as _};

use tracing::Event;
use tracing::field::{Field, Visit};

use crate::engine::task_run::core::Core;

pub(crate) struct EventLine {
    /// The module of the event.
    pub(crate) target: String,
    pub(crate) text: String,
}

impl EventLine {
    /// Reads an event that happened in the run of `core`. An event of flowkit repeats the name of the run in its fields, which
    /// a line has beside it.
    pub(crate) fn of(event: &Event<'_>, core: Option<&Core>) -> Self {
        let is_ours = event.metadata().target().starts_with("flowkit::");
        let own = core.filter(|_| is_ours).map(|core| core.label().to_string());
        let mut parts = Parts { own, ..Parts::default() };
        event.record(&mut parts);
        let Parts { message, fields, target, .. } = parts;
        Self {
            target: target.unwrap_or_else(|| event.metadata().target().to_owned()),
            text: if message.is_empty() { fields.trim_start().to_owned() } else { message + &fields },
        }
    }
}

#[derive(Default)]
struct Parts {
    message: String,
    fields: String,
    /// The module of a record of the crate `log`, which is a field of its event.
    target: Option<String>,
    /// The name of the run, which is left out.
    own: Option<String>,
}

impl Visit for Parts {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            "log.target" => self.target = Some(value.to_owned()),
            _ => self.record_debug(field, &value),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a `String` fails only if the value's own `Debug` does; the line then ends there.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            // The source location of a record of the crate `log`.
            name if name.starts_with("log.") => Ok(()),
            "task" | "flow" if self.own.as_ref().is_some_and(|own| format!("{value:?}") == *own) => Ok(()),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
