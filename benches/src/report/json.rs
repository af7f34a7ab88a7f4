//! A run as one JSON value: the rows and the promises, for a program to read.

use serde::Serialize;

use crate::bounds::Verdict;

#[derive(Serialize)]
struct Report<'a, F> {
    #[serde(flatten)]
    figures: &'a F,
    bounds: &'a [Verdict],
}

/// Renders the figures of any of the benchmarks.
///
/// # Errors
/// If a value cannot be expressed in JSON.
pub fn render<F: Serialize>(figures: &F, bounds: &[Verdict]) -> serde_json::Result<String> {
    serde_json::to_string_pretty(&Report { figures, bounds })
}
