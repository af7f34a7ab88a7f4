//! What GitHub Actions makes more of than lines: annotations at a place in the code, and a table for the page of a job.

use std::fmt::Write as _;

use super::view::{Group, RunView};
use crate::graph::style::{WITH_FAILURES, glyph};
use crate::model::{ErrorReport, State};
use crate::text::columns;
use crate::text::wording::counted;

/// A longer error does not fit into a cell.
const ERROR_COLUMNS_MAX: usize = 200;

/// Returns the line of which an annotation is made at the place in the code.
pub(super) fn annotation(label: &str, error: &ErrorReport) -> String {
    let (file, line) = error.location.rsplit_once(':').unwrap_or((&error.location, "1"));
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escaped(text).replace(':', "%3A").replace(',', "%2C");
    let message = escaped(&columns::visible(&error.to_string()));
    format!("::error file={},line={},title={}::{message}", property(file), property(line), property(label))
}

/// Returns a run that has ended as a table in markdown, for the file of `GITHUB_STEP_SUMMARY`.
pub(super) fn summary(view: &RunView) -> String {
    let took = view.took.map(columns::duration).unwrap_or_default();
    let counts = view.counts();
    let tasks = counted(counts.seen, "task", "tasks");
    let failures = match view.went_on() {
        true => format!(" with {}", counted(counts.failed, "failure", "failures")),
        false => String::new(),
    };
    let mut page = format!(
        "### {} {}: {} in {took}{failures}, {tasks}, run `{}`\n\n| task | runs | ended | failed | skipped |\n|---|---|---|---|---|\n",
        if view.went_on() { WITH_FAILURES } else { glyph(view.state) },
        cell(&view.flow),
        view.state.name(),
        view.id.short()
    );
    for group in view.groups.in_order() {
        row(&mut page, group);
    }
    page.push('\n');
    for failed in &view.failures {
        let error = columns::shortened(&failed.report.to_string(), ERROR_COLUMNS_MAX);
        let (label, place) = (cell(&failed.label), cell(&failed.report.location));
        push(&mut page, format_args!("- {} {label}: {} ({place})\n", glyph(State::Failed), cell(&error)));
    }
    match view.failed().saturating_sub(view.failures.len()) {
        0 => {}
        more => push(&mut page, format_args!("- and {more} more\n")),
    }
    page
}

fn row(page: &mut String, group: &Group) {
    let (runs, ended) = (group.total(), group.ended());
    let name = format!("{} {}", glyph(group.state()), cell(&group.task));
    let (failed, skipped) = (group.failed(), group.skipped());
    push(page, format_args!("| {name} | {runs} | {ended} | {failed} | {skipped} |\n"));
}

fn push(page: &mut String, words: std::fmt::Arguments<'_>) {
    page.write_fmt(words).expect("bug in flowkit: a string refuses text");
}

/// Returns text of which markdown and HTML make nothing else.
fn cell(text: &str) -> String {
    let mut cell = String::with_capacity(text.len());
    for c in columns::visible(text).chars() {
        match c {
            '<' => cell.push_str("&lt;"),
            '&' => cell.push_str("&amp;"),
            '|' | '*' | '_' | '`' | '[' | ']' | '\\' | '#' | '~' => cell.extend(['\\', c]),
            c => cell.push(c),
        }
    }
    cell
}
