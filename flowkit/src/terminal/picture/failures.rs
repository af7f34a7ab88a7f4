//! The list of failures, one line each, below the root cause.

use super::margin;
use super::program::Program;
use crate::graph::style::glyph;
use crate::model::State;
use crate::terminal::failures::{FailedRun, ROWS_MAX, rows};
use crate::terminal::styled_line::{Line, TextStyle};
use crate::terminal::view::RunView;
use crate::text::columns::{columns, shortened};

/// The column of labels is as wide as the widest of them, up to this.
const LABEL_COLUMNS_MAX: usize = 32;

/// Draws what failed besides `root` in at most `height` lines.
pub(super) fn failures(
    view: &RunView,
    root: Option<&FailedRun>,
    width: usize,
    height: usize,
    program: &Program,
) -> Vec<Line> {
    let (mut shown, mut more) = rows(view, root, ROWS_MAX.min(height));
    if more > 0 && shown.len() == height {
        // The line that counts the rest needs the room of a row.
        (shown, more) = rows(view, root, height.saturating_sub(1));
    }
    let widest = shown.iter().map(|row| columns(&row.label())).max().unwrap_or(0);
    let label = widest.min(LABEL_COLUMNS_MAX).min(width / 3);
    let start = margin(width);
    let mut lines: Vec<Line> = shown
        .iter()
        .map(|row| {
            Line::indented(start)
                .add(TextStyle::Of(State::Failed), glyph(State::Failed))
                .plain_text(" ")
                .plain_text(shortened(&row.label(), label))
                .padded(start + 2 + label + 2)
                .plain_text(row.words())
        })
        .collect();
    if more > 0 && height > 0 {
        let and = if shown.is_empty() { "" } else { "and " };
        let words = format!("{and}{more} more failed");
        let line = Line::indented(start + 2).add(TextStyle::Dim, words);
        lines.push(match program.command("show", view.id) {
            Some(show) => line.add(TextStyle::Dim, ": ").add(TextStyle::Bold, show),
            None => line,
        });
    }
    lines.into_iter().map(|line| line.fitted(width)).collect()
}

#[cfg(test)]
mod tests {
    use crate::model::{EventKind, TaskRunId};
    use crate::terminal::picture::finished;
    use crate::terminal::picture::tests::{program, text, view};
    use crate::terminal::script::{Script, critically, failed, started, task, went_on};

    fn ended(width: usize, story: impl FnOnce(&mut Script<'_>)) -> String {
        text(&finished(&view(story), width, &program()))
    }

    /// A run in which all of so many fetches and each of `tasks` fail.
    fn many(script: &mut Script<'_>, fetches: u32, tasks: &[&'static str]) {
        for (place, fetch) in script.map("fetch", fetches, &[]).into_iter().enumerate() {
            script.happens(fetch, started(1));
            let message = format!("no such page: {place}");
            script.happens(fetch, failed(&format!("fetch[{place}]"), &message, &[]));
        }
        for name in tasks {
            let id = script.create(task(name), None, None, &[]);
            script.happens(id, started(1));
            script.happens(id, failed(name, "the disk is full", &[]));
        }
    }

    #[test]
    fn a_flow_that_completes_after_failures_lists_them_and_says_so() {
        for width in [60, 80, 120] {
            insta::assert_snapshot!(format!("went_on_{width}"), ended(width, went_on));
        }
    }

    #[test]
    fn a_critical_task_is_the_root_cause_and_what_it_stopped_is_no_failure() {
        insta::assert_snapshot!("critical", ended(80, critically));
    }

    #[test]
    fn many_failures_are_folded_by_task_and_the_rest_is_counted() {
        let names = ["list_urls", "parse", "merge", "load", "report", "x", "validate_schema"];
        let text = ended(80, |script| {
            many(script, 140, &names);
            script.at(900).happens(TaskRunId::FLOW, EventKind::Completed);
        });
        insta::assert_snapshot!("folded", text);
    }

    #[test]
    fn however_many_failed_a_screen_is_enough() {
        for fetches in [0, 1, 5, 6, 7, 99, 100, 101, 300] {
            for width in [60, 80, 120] {
                let view = view(|script| {
                    many(script, fetches, &["load", "merge", "report"]);
                    let causes = ["the disk is full"; 40];
                    script.happens(TaskRunId::FLOW, failed("etl", "task `load` failed", &causes));
                });
                let lines = finished(&view, width, &program());
                let text = text(&lines);
                assert!(lines.len() <= 30, "{} lines at {width}:\n{text}", lines.len());
                let others = usize::try_from(fetches).unwrap() + 2;
                let told = text.lines().filter(|line| line.starts_with("   ✗ ")).skip(2);
                let count = |line: &str| match line.split_once(" ×") {
                    Some((_, rest)) => rest.split(' ').next().unwrap().parse().unwrap(),
                    None => 1,
                };
                let told: usize = told.map(count).sum();
                let more = text.lines().find_map(|line| line.trim().strip_suffix(": mybin show kf6r4nw"));
                let more = more.map_or(0, |line| line.split(' ').find_map(|word| word.parse().ok()).unwrap());
                assert_eq!(told + more, others, "{fetches} at {width}:\n{text}");
            }
        }
    }
}
