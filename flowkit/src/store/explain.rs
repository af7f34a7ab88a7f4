//! Why a cached task ran: which part of its key differs from that of the nearest earlier result. For people only.

use std::fmt;

use super::{History, StoreError, TaskRunFilter};
use crate::model::{FlowRunId, State, TaskRunId, WallTime};
use crate::policy::cache::{Difference, KeyParts};

/// How many of the newest results of a task are compared.
const COMPARED_MAX: usize = 1000;

/// A cache entry, with what its key is made of.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCacheEntry {
    /// What the key is made of.
    pub parts: KeyParts,
    /// When the result was stored.
    pub stored_at: WallTime,
    /// Whose result it is.
    pub from: (FlowRunId, TaskRunId),
}

/// Why a task run ran, or did not. Made by [`explain_cache`]; its `Display` is a sentence.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum CacheExplanation {
    /// It did not run: its result was in the cache.
    Found,
    /// It has no entry in the cache: its task is not cached, it failed, or a later run has replaced the entry.
    NotInCache,
    /// It is the first result of its task in the cache, or the first with this key after the earlier one expired.
    First,
    /// Another call of the same task has the nearest key, which differs in these parts.
    Differs {
        /// The run of that call.
        from: (FlowRunId, TaskRunId),
        /// How the keys differ.
        differences: Vec<Difference>,
    },
}

/// Says why a task run ran although its task is cached; `None` if there is no such task run.
///
/// # Errors
///
/// If the store cannot be read.
pub fn explain_cache(
    history: &(impl History + ?Sized),
    run: FlowRunId,
    task_run: TaskRunId,
) -> Result<Option<CacheExplanation>, StoreError> {
    let before = TaskRunId::new(task_run.get().saturating_sub(1));
    let rows = history.task_runs(run, &TaskRunFilter::default(), before, 1)?;
    let Some(row) = rows.into_iter().find(|row| row.id == task_run) else { return Ok(None) };
    if row.state == State::Cached {
        return Ok(Some(CacheExplanation::Found));
    }
    let entries = history.cache_entries(&row.path, COMPARED_MAX)?;
    Ok(Some(explain(&entries, (run, task_run))))
}

fn explain(entries: &[StoredCacheEntry], own: (FlowRunId, TaskRunId)) -> CacheExplanation {
    // The newest come first; of several equally near ones the newest is taken.
    let mut entries = entries.iter().skip_while(|entry| entry.from != own);
    let Some(own) = entries.next() else { return CacheExplanation::NotInCache };
    // Generic functions have one path and many identities: only results of the same one could have been used.
    let alike = entries.filter(|entry| entry.parts.task == own.parts.task);
    let nearest = alike
        .map(|entry| (entry, own.parts.differences_from(&entry.parts)))
        .min_by_key(|(_, differences)| differences.len());
    match nearest {
        Some((entry, differences)) => CacheExplanation::Differs { from: entry.from, differences },
        None => CacheExplanation::First,
    }
}

impl fmt::Display for CacheExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found => f.write_str("its result was in the cache"),
            Self::NotInCache => f.write_str(
                "it has no place in the cache: its task is not cached by its inputs, it ran without the cache, it has no \
                 result that can be kept, or a later run has taken its place",
            ),
            Self::First => f.write_str("no earlier result of this task is in the cache"),
            Self::Differs { from, differences } => {
                write!(f, "the nearest earlier result is that of run {}, but ", from.0.short())?;
                for (index, difference) in differences.iter().enumerate() {
                    write!(f, "{}{difference}", if index == 0 { "" } else { ", and " })?;
                }
                Ok(())
            }
        }
    }
}
