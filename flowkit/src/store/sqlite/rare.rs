//! Properties that few task runs have, as one column of JSON: for most rows it is a single NULL.
//!
//! Not for properties that queries filter by: those have columns of their own.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use super::codes;
use crate::model::{OrderNo, TaskRunRecord};

/// The fields have the names that [`TaskRun`](crate::model::TaskRun) has.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Rare<'a> {
    /// Those of the call only.
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
    fn of(task_run: &'a TaskRunRecord) -> Self {
        let extras = task_run.extras();
        Self {
            tags: extras.tags.as_slice().into(),
            group: extras.group.as_deref().map(Cow::from),
            branch: extras.branch.as_deref().map(Cow::from),
            unknown: extras.unknown.map(Cow::from),
            skip_reason: extras.skip_reason.as_deref().map(Cow::from),
            not_persisted: extras.not_persisted.as_deref().map(Cow::from),
            rank: extras.rank,
            orphaned: task_run.is_orphaned(),
            cancelled_by_body: task_run.is_cancelled_by_body(),
        }
    }
}

/// Returns the column for `task_run`.
pub(super) fn column(task_run: &TaskRunRecord) -> rusqlite::Result<Option<String>> {
    let rare = Rare::of(task_run);
    if rare == Rare::default() { Ok(None) } else { codes::json(&rare).map(Some) }
}
