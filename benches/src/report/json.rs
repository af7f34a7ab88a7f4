//! The run as one JSON value: the rows and the promises, for a program to read.

use serde::Serialize;

use crate::bounds::Verdict;
use crate::results::Results;

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    results: &'a Results,
    bounds: &'a [Verdict],
}

/// Renders the run.
///
/// # Errors
/// When a value has no place in JSON.
pub fn render(results: &Results, bounds: &[Verdict]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Report { results, bounds })
}
