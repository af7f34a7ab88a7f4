//! Why a flow run failed: the task run that failed first, not what failed because of it.

use super::tally::FailedRun;
use crate::model::{ErrorReport, State, is_passed_on};
use crate::text::columns;
use crate::text::wording::counted;

/// A message of more lines than this is somebody's log.
const MESSAGE_LINES_MAX: usize = 20;
/// Of further failures, this many are named.
const OTHERS_MAX: usize = 5;

/// Why a flow run failed.
pub(super) struct RootCause<'a> {
    /// The task run that failed first; none if the flow failed by itself.
    #[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "only pictures tell of it"))]
    pub(super) failed: Option<&'a FailedRun>,
    pub(super) headline: String,
    pub(super) report: &'a ErrorReport,
    /// What the flow made of it, where it has words of its own.
    pub(super) seen_as: Option<&'a str>,
    others: Vec<&'a str>,
    /// How many failed besides the root cause, with those that nobody remembers.
    others_count: usize,
}

impl<'a> RootCause<'a> {
    /// Finds the failure behind the end of a flow that is in `state` with `error`; `None` if nothing failed. In all,
    /// `failed` task runs did.
    ///
    /// A failure that the flow has dealt with is not the cause: only one that its error ends with is.
    pub(super) fn of(
        flow: &str,
        state: State,
        error: Option<&'a ErrorReport>,
        failures: &'a [FailedRun],
        failed: usize,
    ) -> Option<Self> {
        let end = error.filter(|_| state != State::TimedOut)?;
        let others_than = |root: Option<&FailedRun>| {
            let differs = |failed: &&FailedRun| root.is_none_or(|root| !std::ptr::eq(root, *failed));
            failures.iter().filter(differs).map(|failed| failed.label.as_str()).collect()
        };
        let Some(root) = find(end, failures) else {
            let headline = format!("{} failed", columns::visible(flow));
            let others = others_than(None);
            return Some(Self {
                failed: None,
                headline,
                report: end,
                seen_as: None,
                others,
                others_count: failed,
            });
        };
        let attempts = match (root.attempts, root.attempts_max) {
            (attempt, Some(max)) => format!(" (attempt {attempt} of {max})"),
            (2.., None) => format!(" after {} attempts", root.attempts),
            _ => String::new(),
        };
        let in_own_words = !is_passed_on(&end.message) && !end.message.ends_with(&root.report.message);
        Some(Self {
            failed: Some(root),
            headline: format!("{} failed{attempts}", root.label),
            report: &root.report,
            seen_as: in_own_words.then_some(end.message.as_str()),
            others: others_than(Some(root)),
            others_count: failed.saturating_sub(1),
        })
    }

    pub(super) fn lines(&self) -> Vec<String> {
        let mut message = self.report.message.lines().map(columns::visible).filter(|line| !line.is_empty());
        let first = message.next().unwrap_or_default();
        let mut lines = vec![format!("root cause: {}: {first}", self.headline)];
        lines.extend(message.by_ref().take(MESSAGE_LINES_MAX - 1).map(|line| format!("  │ {line}")));
        match message.count() {
            0 => {}
            more => lines.push(format!("  │ … and {}", counted(more, "more line", "more lines"))),
        }
        for (position, cause) in self.report.causes.iter().enumerate() {
            let branch = if position + 1 == self.report.causes.len() { "└" } else { "├" };
            lines.push(format!("  {branch} caused by: {}", columns::visible(cause)));
        }
        if let Some(words) = self.seen_as {
            lines.push(format!("  the flow says: {}", columns::visible(words)));
        }
        lines.push(format!("  at {}", columns::visible(&self.report.location)));
        lines.extend(self.others_line().map(|line| format!("  {line}")));
        lines
    }

    /// Names what failed too, if anything did.
    fn others_line(&self) -> Option<String> {
        if self.others.is_empty() {
            return None;
        }
        let named = self.others.iter().take(OTHERS_MAX).copied().collect::<Vec<_>>().join(", ");
        Some(match self.others_count.saturating_sub(OTHERS_MAX) {
            0 => format!("failed too: {named}"),
            more => format!("failed too: {named} and {more} more"),
        })
    }
}

/// Whether one of `failures` is behind an error.
#[cfg(feature = "cli")]
pub(super) fn explains(error: &ErrorReport, failures: &[FailedRun]) -> bool {
    find(error, failures).is_some()
}

/// Returns the failure that an error ends with. Two may have the same words; then the error should name its task.
fn find<'a>(error: &ErrorReport, failures: &'a [FailedRun]) -> Option<&'a FailedRun> {
    let texts = || std::iter::once(&error.message).chain(&error.causes);
    let ends_with = |failed: &&FailedRun| {
        let words = &failed.report.message;
        // A cause may stand in the text of what it caused.
        !words.is_empty() && texts().any(|text| text.ends_with(words))
    };
    let names = |failed: &&FailedRun| {
        let name = format!("`{}`", failed.report.task);
        texts().any(|text| text.contains(&name))
    };
    let mut candidates = failures.iter().filter(ends_with);
    candidates.clone().find(names).or_else(|| candidates.next())
}
