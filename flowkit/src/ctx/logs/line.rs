//! An event of `tracing` as one line of text: its message, and its fields after it as `key=value`.

use std::fmt::{self, Write as _};

use tracing::Event;
use tracing::field::{Field, Visit};

pub(super) struct EventLine {
    /// Where the event comes from.
    pub(super) target: String,
    pub(super) text: String,
}

impl EventLine {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut parts = Parts::default();
        event.record(&mut parts);
        let Parts { message, fields, target } = parts;
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
    /// Where a record of the crate `log` comes from: its event says so in a field.
    target: Option<String>,
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
        // Writing to a `String` fails only where the value's own `Debug` does; the line then has what came before.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            // Where the record of the crate `log` stands in the code.
            name if name.starts_with("log.") => Ok(()),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}
