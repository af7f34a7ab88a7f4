//! A filter as an SQL query. What a user typed goes into bound parameters only.

use rusqlite::ParamsFromIter;
use rusqlite::types::Value;

use super::super::{codes, stored};
use super::{id_value, signed, text_value};
use crate::model::FlowRunId;
use crate::store::FlowRunFilter;

/// SQL with a placeholder for each of its values.
pub(super) struct Query {
    pub(super) sql: String,
    values: Vec<Value>,
    has_conditions: bool,
}

impl Query {
    /// Begins with a `SELECT` that has no conditions yet.
    pub(super) fn new(select: &str) -> Self {
        Self { sql: select.to_owned(), values: Vec::new(), has_conditions: false }
    }

    /// Adds a condition.
    pub(super) fn and(&mut self, condition: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(if self.has_conditions { " AND " } else { " WHERE " });
        self.has_conditions = true;
        self.end(condition, values);
    }

    /// Adds the condition that `column` is one of `alternatives`, if there are any.
    pub(super) fn any_of(&mut self, column: &str, alternatives: impl Iterator<Item = Value>) {
        let alternatives: Vec<Value> = alternatives.collect();
        if !alternatives.is_empty() {
            self.and(&format!("{column} IN ({})", marks(alternatives.len())), alternatives);
        }
    }

    /// Adds what comes after the conditions.
    pub(super) fn end(&mut self, sql: &str, values: impl IntoIterator<Item = Value>) {
        self.sql.push_str(sql);
        self.values.extend(values);
    }

    pub(super) fn values(&self) -> ParamsFromIter<&[Value]> {
        rusqlite::params_from_iter(self.values.as_slice())
    }
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}

/// Queries the newest flow runs that match a filter.
///
/// The newest is the one that arrived last, whatever clocks say: a run from a clock that was ahead does not stay the
/// newest.
pub(super) fn flow_runs(filter: &FlowRunFilter, before: Option<FlowRunId>, limit: usize) -> Query {
    let mut question = Query::new(stored::FLOW_RUN);
    question.any_of("f.state", filter.states.iter().map(|state| codes::state_code(*state).into()));
    if !filter.flows.is_empty() {
        let flows = filter.flows.iter().map(|flow| text_value(flow));
        let tasks = format!("f.task IN (SELECT no FROM tasks WHERE name IN ({}))", marks(filter.flows.len()));
        question.and(&tasks, flows);
    }
    if !filter.owners.is_empty() {
        let owners = filter.owners.iter().map(|owner| text_value(owner));
        let tasks =
            format!("f.task IN (SELECT no FROM tasks WHERE owner IN ({}))", marks(filter.owners.len()));
        question.and(&tasks, owners);
    }
    if !filter.tags.is_empty() {
        let tags = filter.tags.iter().map(|tag| text_value(tag));
        let tagged =
            format!("f.id IN (SELECT run FROM flow_run_tags WHERE tag IN ({}))", marks(filter.tags.len()));
        question.and(&tagged, tags);
    }
    if let Some(since) = filter.since {
        question.and("f.created_at >= ?", [since.as_micros().into()]);
    }
    if let Some(until) = filter.until {
        question.and("f.created_at < ?", [until.as_micros().into()]);
    }
    if let Some(text) = &filter.text {
        with_text(&mut question, &text.to_ascii_lowercase());
    }
    if let Some(failures) = &filter.failures {
        let bound = |count: u64| i64::try_from(count).unwrap_or(i64::MAX).into();
        question.and("failures BETWEEN ? AND ?", [bound(*failures.start()), bound(*failures.end())]);
    }
    match filter.parent {
        Some(parent) => question.and("f.parent = ?", [id_value(parent)]),
        None if !filter.sub_flows => question.and("f.parent IS NULL", []),
        None => {}
    }
    if let Some(before) = before {
        // If it was pruned meanwhile, the page begins at the next older id.
        question.and(
            "f.no < coalesce((SELECT no FROM flow_runs WHERE id = ?),
                 (SELECT max(no) + 1 FROM flow_runs WHERE id < ?), 0)",
            [id_value(before), id_value(before)],
        );
    }
    // The index on time finds a few runs, which are then sorted.
    let order = if filter.since.is_some() || filter.until.is_some() { "+f.no" } else { "f.no" };
    question.end(&format!(" ORDER BY {order} DESC LIMIT ?"), [signed(limit).into()]);
    question
}

/// Searches the text that people see. As SQLite's `lower`, it folds the case of ASCII letters only.
fn with_text(question: &mut Query, text: &str) {
    question.and(
        "(f.task IN (SELECT no FROM tasks WHERE instr(lower(name), ?) > 0)
            OR instr(lower(f.name), ?) > 0 OR (f.short >= ? AND f.short < ? || '~'))",
        // Short ids have letters and digits only, and `~` comes after all of them.
        std::iter::repeat_n(text_value(text), 4),
    );
}
