//! How a run ended, as a glyph and words. A run that completed despite failures has its own: its flow continued without
//! the results.

use crate::graph::style::{WITH_FAILURES, glyph};
use crate::model::StoredFlowRun;
use crate::terminal::json::COMPLETED_WITH_FAILURES;
use crate::text::wording::counted;

/// Returns the glyph of a run.
pub(super) fn sign(run: &StoredFlowRun) -> &'static str {
    if run.completed_with_failures() { WITH_FAILURES } else { glyph(run.state) }
}

/// Describes the state of a run: `Completed with 2 failures`.
pub(super) fn words(run: &StoredFlowRun) -> String {
    if run.completed_with_failures() {
        let count = usize::try_from(run.failures).unwrap_or(usize::MAX);
        return format!("{} with {}", run.state.name(), counted(count, "failure", "failures"));
    }
    run.state.name().to_owned()
}

/// The word for programs, besides the state.
pub(super) fn word(run: &StoredFlowRun) -> Option<&'static str> {
    run.completed_with_failures().then_some(COMPLETED_WITH_FAILURES)
}
