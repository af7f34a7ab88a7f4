//! How small values are written: states and levels as numbers, edges and errors as text.

use std::borrow::Cow;
use std::fmt::Write as _;

use rusqlite::types::Type;
use serde::de::DeserializeOwned;

use crate::model::{Edge, EdgeKind, FlowRunId, Kind, LogLevel, OrderNo, State, TaskRunId};

/// From this code on, a run has ended.
pub(super) const FIRST_TERMINAL: i64 = 8;

/// The states in the order of their codes; the table `states` of the schema says the same.
const STATES: [State; 15] = [
    State::Scheduled,
    State::Pending,
    State::Waiting,
    State::Running,
    State::AwaitingRetry,
    State::Cancelling,
    State::Suspended,
    State::Crashed,
    State::Completed,
    State::Cached,
    State::Failed,
    State::TimedOut,
    State::Cancelled,
    State::UpstreamFailed,
    State::Skipped,
];

pub(super) fn state_code(state: State) -> i64 {
    match state {
        State::Scheduled => 0,
        State::Pending => 1,
        State::Waiting => 2,
        State::Running => 3,
        State::AwaitingRetry => 4,
        State::Cancelling => 5,
        State::Suspended => 6,
        State::Crashed => 7,
        State::Completed => 8,
        State::Cached => 9,
        State::Failed => 10,
        State::TimedOut => 11,
        State::Cancelled => 12,
        State::UpstreamFailed => 13,
        State::Skipped => 14,
    }
}

pub(super) fn state(code: i64) -> rusqlite::Result<State> {
    let state = usize::try_from(code).ok().and_then(|code| STATES.get(code));
    state.copied().ok_or_else(|| nonsense(Type::Integer, format!("there is no state {code}")))
}

pub(super) fn level_code(level: LogLevel) -> i64 {
    level as i64
}

pub(super) fn level(code: i64) -> rusqlite::Result<LogLevel> {
    let level = usize::try_from(code).ok().and_then(|code| LogLevel::ALL.get(code));
    level.copied().ok_or_else(|| nonsense(Type::Integer, format!("there is no level {code}")))
}

pub(super) fn kind_code(kind: Kind) -> i64 {
    i64::from(kind == Kind::Flow)
}

pub(super) fn kind(code: i64) -> Kind {
    if code == 0 { Kind::Task } else { Kind::Flow }
}

/// SQLite's integers are signed. No run has 2^63 tasks.
pub(super) fn number(id: TaskRunId) -> i64 {
    id.get().cast_signed()
}

pub(super) fn task_run(number: i64) -> TaskRunId {
    TaskRunId::new(number.cast_unsigned())
}

/// The number of a begin or an end.
pub(super) fn order_no(no: Option<OrderNo>) -> Option<i64> {
    no.map(|no| no.get().cast_signed())
}

pub(super) fn read_order_no(no: Option<i64>) -> Option<OrderNo> {
    OrderNo::new(no?.cast_unsigned())
}

pub(super) fn flow_run(bytes: [u8; 16]) -> FlowRunId {
    FlowRunId::new(uuid::Uuid::from_bytes(bytes))
}

/// Writes edges as `3 5 o7`; `None` if there are none.
pub(super) fn edges(edges: &[Edge]) -> Option<String> {
    if edges.is_empty() {
        return None;
    }
    let mut text = String::with_capacity(8 * edges.len());
    for (index, edge) in edges.iter().enumerate() {
        let space = if index == 0 { "" } else { " " };
        let order = if edge.kind() == EdgeKind::Order { "o" } else { "" };
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{space}{order}{}", edge.from());
    }
    Some(text)
}

pub(super) fn read_edges(text: &str) -> rusqlite::Result<Vec<Edge>> {
    let edge = |word: &str| {
        let (kind, number) = match word.strip_prefix('o') {
            Some(number) => (EdgeKind::Order, number),
            None => (EdgeKind::Data, word),
        };
        let number = number.parse().map_err(|error| nonsense(Type::Text, error))?;
        Ok(Edge::new(TaskRunId::new(number), kind))
    };
    text.split_ascii_whitespace().map(edge).collect()
}

/// Writes JSON. Only our own plain types come here, whose serialization cannot fail.
pub(super) fn json<T: serde::Serialize + ?Sized>(value: &T) -> rusqlite::Result<String> {
    serde_json::to_string(value).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))
}

pub(super) fn read_json<T: DeserializeOwned>(text: &str) -> rusqlite::Result<T> {
    serde_json::from_str(text).map_err(|error| nonsense(Type::Text, error))
}

/// Text without NUL, where SQLite's own functions would cut it off.
pub(super) fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{2400}")) } else { Cow::Borrowed(text) }
}

/// An error for a row whose content makes no sense.
pub(super) fn nonsense(
    kind: Type,
    reason: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, kind, reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_of_states_agree_with_the_schema_and_with_what_is_terminal() {
        let schema = include_str!("schema/0001.sql");
        for (code, state) in STATES.into_iter().enumerate() {
            let code = i64::try_from(code).unwrap();
            assert_eq!(state_code(state), code);
            assert_eq!(super::state(code).unwrap(), state);
            let name = serde_json::to_value(state).unwrap();
            assert!(schema.contains(&format!("({code}, '{}')", name.as_str().unwrap())), "{state}");
            assert_eq!(state.is_terminal(), code >= FIRST_TERMINAL, "{state}");
        }
    }

    #[test]
    fn edges_are_read_as_they_were_written() {
        let written =
            [Edge::new(TaskRunId::new(3), EdgeKind::Data), Edge::new(TaskRunId::new(0), EdgeKind::Order)];
        let text = edges(&written).unwrap();
        assert_eq!(text, "3 o0");
        assert_eq!(read_edges(&text).unwrap(), written);
    }

    #[test]
    fn no_text_keeps_a_nul() {
        assert_eq!(text("a\0b"), "a\u{2400}b");
    }
}
