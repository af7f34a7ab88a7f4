//! Why a cached task ran: which part of its key differs from that of the nearest earlier result. For people only.

use std::fmt;

use super::{History, StoreError, TaskRunFilter};
use crate::model::{FlowRunId, State, TaskRunId, WallTime};
use crate::policy::cache::{Difference, KeyParts};

/// How many results of a task are compared, its own included: the likeliest, however many there are.
const COMPARED_MAX: usize = 32;

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
        /// How the keys differ; empty if they differ in their run only, which alone shares its results (`cache = "run"`).
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
    Ok(Some(explain(&history.cache_entries(run, task_run, COMPARED_MAX)?)))
}

fn explain(entries: &[StoredCacheEntry]) -> CacheExplanation {
    let Some((own, earlier)) = entries.split_first() else { return CacheExplanation::NotInCache };
    // Of several equally near ones the likeliest is taken, which comes first.
    let nearest = earlier
        .iter()
        .filter(|entry| entry.parts.task == own.parts.task)
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
                if differences.is_empty() {
                    return f.write_str("runs do not share results of this task (`cache = \"run\"`)");
                }
                for (index, difference) in differences.iter().enumerate() {
                    write!(f, "{}{difference}", if index == 0 { "" } else { ", and " })?;
                }
                Ok(())
            }
        }
    }
}
