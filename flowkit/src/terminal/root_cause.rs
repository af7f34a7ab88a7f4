//! Why a flow run failed: the task run that failed first, not those that failed because of it.

use super::failures::FailedRun;
use crate::model::{ErrorReport, State, is_passed_on};
use crate::text::columns;

/// Why a flow run failed.
pub(super) struct RootCause<'a> {
    /// The task run that failed first; none if the flow failed by itself.
    pub(super) failed: Option<&'a FailedRun>,
    pub(super) headline: String,
    pub(super) report: &'a ErrorReport,
    /// The flow's own words for it, if it has any.
    pub(super) flow_message: Option<&'a str>,
}

impl<'a> RootCause<'a> {
    /// Finds the failure that explains why a flow ended in `state` with `error`; `None` if nothing failed.
    ///
    /// A failure that the flow handled is not the cause: the error of the flow ends with the words of the cause.
    pub(super) fn of(
        flow: &str,
        state: State,
        error: Option<&'a ErrorReport>,
        failures: &'a [FailedRun],
    ) -> Option<Self> {
        let end = error.filter(|_| state != State::TimedOut)?;
        let Some(root) = find(end, failures) else {
            let headline = format!("{} failed", columns::visible(flow));
            return Some(Self { failed: None, headline, report: end, flow_message: None });
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
            flow_message: in_own_words.then_some(end.message.as_str()),
        })
    }
}

/// Whether one of `failures` explains an error.
pub(super) fn explains(error: &ErrorReport, failures: &[FailedRun]) -> bool {
    find(error, failures).is_some()
}

/// Returns the failure that an error ends with. Of several with the same words, the error names the task of the right one.
fn find<'a>(error: &ErrorReport, failures: &'a [FailedRun]) -> Option<&'a FailedRun> {
    let texts = || std::iter::once(&error.message).chain(&error.causes);
    let ends_with = |failed: &&FailedRun| {
        let words = &failed.report.message;
        // An error may have its cause in its own text.
        !words.is_empty() && texts().any(|text| text.ends_with(words))
    };
    let names = |failed: &&FailedRun| {
        let name = format!("`{}`", failed.report.task);
        texts().any(|text| text.contains(&name))
    };
    let mut candidates = failures.iter().filter(ends_with);
    candidates.clone().find(names).or_else(|| candidates.next())
}
