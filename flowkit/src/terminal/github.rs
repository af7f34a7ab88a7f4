//! What GitHub Actions shows besides lines: annotations at a location in the code, and a table on the page of a job.

use std::fmt::Write as _;

use super::fact::{Fact, label};
use super::view::{Group, RunView};
use crate::graph::style::{WITH_FAILURES, glyph};
use crate::model::{EventKind, State};
use crate::text::columns;
use crate::text::wording::counted;

/// A longer error does not fit into a cell.
const ERROR_COLUMNS_MAX: usize = 200;

/// Returns the line that GitHub turns into an annotation, if the event is a failure.
pub(super) fn annotation(fact: &Fact<'_>) -> Option<String> {
    let (EventKind::Failed { error } | EventKind::TimedOut { error, .. }) = fact.kind() else { return None };
    let (file, line) = error.location.rsplit_once(':').unwrap_or((&error.location, "1"));
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escaped(text).replace(':', "%3A").replace(',', "%2C");
    let message = escaped(&columns::visible(&error.to_string()));
    let (file, line, label) = (property(file), property(line), property(&label(fact.notice)));
    Some(format!("::error file={file},line={line},title={label}::{message}"))
}

/// Returns an ended run as a table in Markdown, for the file that `GITHUB_STEP_SUMMARY` names.
pub(super) fn summary(view: &RunView) -> String {
    let took = view.took.map(columns::duration).unwrap_or_default();
    let counts = view.counts();
    let tasks = counted(counts.seen, "task", "tasks");
    let failures = if view.completed_with_failures() {
        format!(" with {}", counted(counts.failed, "failure", "failures"))
    } else {
        String::new()
    };
    let mut page = format!(
        "### {} {}: {} in {took}{failures}, {tasks}, run `{}`\n\n| task | runs | ended | failed | skipped |\n|---|---|---|---|---|\n",
        if view.completed_with_failures() { WITH_FAILURES } else { glyph(view.state) },
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
        let (label, location) = (cell(&failed.label), cell(&failed.report.location));
        push(&mut page, format_args!("- {} {label}: {} ({location})\n", glyph(State::Failed), cell(&error)));
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

/// Escapes text for Markdown and HTML.
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
