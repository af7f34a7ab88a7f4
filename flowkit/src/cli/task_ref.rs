//! References to task runs: what flowkit prints of a task run can be typed after its run.
//!
//! | typed | means |
//! |---|---|
//! | `parse` | the runs of the task of this name; if the run has none, those of its sub-flows |
//! | `parse[2]`, or a run name | the run with this label |
//! | `summarize › total` | `total` in the sub-flow `summarize` |
//! | `a very long na…` | what was cut when it was printed |

use super::rows::{self, Member};
use super::usage::{Usage, UsageResult, meant_or_known};
use crate::store::{Store, TaskRunFilter};
use crate::text::columns::visible;

/// What stands between the labels of a path.
pub(super) const SEPARATOR: &str = " › ";

/// The mark of a label that was cut.
const CUT: char = '…';

/// Task runs of one run that were meant.
#[derive(Debug)]
pub(super) struct ChosenTasks<'f> {
    pub(super) member: &'f Member,
    pub(super) filter: TaskRunFilter,
}

impl<'f> ChosenTasks<'f> {
    /// All task runs of a run.
    pub(super) fn all(member: &'f Member) -> Self {
        Self { member, filter: TaskRunFilter::default() }
    }

    fn called(member: &'f Member, name: &str) -> Self {
        Self { member, filter: TaskRunFilter { called: Some(name.to_owned()), ..TaskRunFilter::default() } }
    }
}

/// Finds task runs in a run with its sub-flows. There is at least one for each that is returned.
pub(super) fn tasks<'f>(
    store: &dyn Store,
    family: &'f [Member],
    typed: &str,
) -> UsageResult<Vec<ChosenTasks<'f>>> {
    let known = |chosen: Vec<ChosenTasks<'f>>| -> UsageResult<Vec<ChosenTasks<'f>>> {
        let mut found = Vec::new();
        for one in chosen {
            if rows::has_task(store, one.member.run.id, &one.filter)? {
                found.push(one);
            }
        }
        Ok(found)
    };
    let (outermost, inner) = family.split_at(1);
    let exactly =
        family.iter().filter_map(|member| Some(ChosenTasks::called(member, inside(member, typed)?)));
    let by_name = inner.iter().map(|member| ChosenTasks::called(member, typed));
    for chosen in [exactly.collect(), by_name.collect()] {
        let found = known(chosen)?;
        if !found.is_empty() {
            return Ok(found);
        }
    }
    let found = by_print(store, family, typed)?;
    if !found.is_empty() {
        return Ok(found);
    }
    let mut names = rows::names(store, outermost[0].run.id)?;
    for member in inner {
        names.extend(rows::names(store, member.run.id)?.iter().map(|name| member.label(name)));
    }
    let known = meant_or_known(typed, &names.iter().map(String::as_str).collect::<Vec<_>>());
    Err(Usage::new(format!("run `{}` has no task `{typed}`; {known}", outermost[0].run.id.short())))
}

/// Returns what a typed label means inside a run: the rest after the path that leads to the run.
pub(super) fn inside<'t>(member: &Member, typed: &'t str) -> Option<&'t str> {
    match member.path.as_deref() {
        Some(path) => typed.strip_prefix(path)?.strip_prefix(SEPARATOR),
        None => Some(typed),
    }
}

/// Finds what was printed in another form than it has: cut, or with escapes.
fn by_print<'f>(store: &dyn Store, family: &'f [Member], typed: &str) -> UsageResult<Vec<ChosenTasks<'f>>> {
    if !typed.contains([CUT, '\\']) {
        return Ok(Vec::new());
    }
    let is_meant = |label: &str| {
        let shown = visible(label);
        shown == typed || typed.strip_suffix(CUT).is_some_and(|begin| shown.starts_with(begin))
    };
    let mut found: Vec<ChosenTasks<'f>> = Vec::new();
    for member in family {
        rows::with_tasks(store, member.run.id, |rows| {
            for label in rows.map(|row| row.label()).filter(|label| is_meant(&member.label(label))) {
                // The runs of one task may share a long name.
                if found.last().is_none_or(|last| last.filter.called.as_ref() != Some(&label)) {
                    found.push(ChosenTasks::called(member, &label));
                }
            }
        })?;
    }
    Ok(found)
}
