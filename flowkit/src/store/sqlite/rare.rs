//! What is said of few task runs, as one column of JSON: most rows have nothing of it, and carry one NULL for it.
//!
//! Not what a query asks for: that has a column of its own.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::codes;
use crate::model::{OrderNo, TaskRun};

/// The fields have the names that [`StoredTaskRun`](crate::model::StoredTaskRun) has.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Rare<'a> {
    /// Of the call alone.
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub(super) tags: Cow<'a, [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) group: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) branch: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unknown: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) skip_reason: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) not_persisted: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) rank: Option<OrderNo>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) orphaned: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) cancelled_by_body: bool,
}

impl<'a> Rare<'a> {
    fn of(task_run: &'a TaskRun) -> Self {
        Self {
            tags: task_run.own_tags().into(),
            group: task_run.group().map(Cow::from),
            branch: task_run.branch().map(Cow::from),
            unknown: task_run.unknown().map(Cow::from),
            skip_reason: task_run.skip_reason().map(Cow::from),
            not_persisted: task_run.not_persisted().map(Cow::from),
            rank: task_run.rank(),
            orphaned: task_run.is_orphaned(),
            cancelled_by_body: task_run.is_cancelled_by_body(),
        }
    }
}

/// Returns the column for `task_run`.
pub(super) fn column(task_run: &TaskRun) -> rusqlite::Result<Option<String>> {
    let rare = Rare::of(task_run);
    if rare == Rare::default() { Ok(None) } else { codes::json(&rare).map(Some) }
}
