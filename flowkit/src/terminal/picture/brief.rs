//! A run that did not go well, in at most 15 lines: for the mail of a cron job. The tree is left out, `show` has it.

use super::cause::cause;
use super::failures::failures;
use super::program::Program;
use super::summary::{numbers, resume};
use super::{margin, title};
use crate::terminal::styled_line::{Line, TextStyle};
use crate::terminal::view::RunView;

/// Of the lines about the cause, the first ones are shown (the task and its message) …
const CAUSE_FIRST: usize = 3;

/// … and the last ones: the cause with which it began, the location, and the command for the log.
const CAUSE_LAST: usize = 4;

/// Besides the cause, failures take at most this many lines; `show` has the others.
const FAILURES_MAX: usize = 2;

/// The numbers take at most this many lines, and so does the command to continue with.
const END_MAX: usize = 2;

/// Draws a run that did not go well in at most 15 lines, none of them wider than `width`.
pub fn brief(view: &RunView, width: usize, program: &Program) -> Vec<Line> {
    let mut lines = title(view, width, program);
    lines.truncate(1);
    let root = view.root_cause();
    let mut why = root.as_ref().map(|root| cause(root, view, width, program)).unwrap_or_default();
    if why.len() > CAUSE_FIRST + CAUSE_LAST + 1 {
        let more = Line::indented(margin(width) + 2).add(TextStyle::Dim, "…");
        why.splice(CAUSE_FIRST..why.len() - CAUSE_LAST, [more]);
    }
    lines.append(&mut why);
    let known = root.as_ref().and_then(|root| root.failed);
    lines.extend(failures(view, known, width, FAILURES_MAX, program));
    lines.extend(numbers(view, width).into_iter().take(END_MAX));
    lines.extend(resume(view, width, program).into_iter().take(END_MAX));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{EventKind, TaskRunId};
    use crate::terminal::picture::tests::{program, text, view as view_of};
    use crate::terminal::script::{badly, failed, started, went_on};

    #[test]
    fn a_failure_is_told_with_its_cause_its_location_and_how_to_continue() {
        insta::assert_snapshot!("failed", text(&brief(&view_of(badly), 120, &program())));
    }

    #[test]
    fn failures_of_a_flow_that_completed_are_told() {
        insta::assert_snapshot!("went_on", text(&brief(&view_of(went_on), 120, &program())));
    }

    #[test]
    fn however_much_failed_15_lines_are_enough() {
        let view = view_of(|script| {
            for (position, fetch) in script.map("fetch", 300, &[]).into_iter().enumerate() {
                script.happens(fetch, started(1));
                let message = format!("no such page: {position} {}", "and so on ".repeat(200));
                script.happens(
                    fetch,
                    failed(&format!("fetch[{position}]"), &message, &["the disk is full"; 40]),
                );
            }
            script
                .happens(TaskRunId::FLOW, failed("etl", "task `fetch[0]` failed", &["the disk is full"; 40]));
        });
        for width in [60, 80, 120] {
            let lines = brief(&view, width, &program());
            assert!(lines.len() <= 15, "{} lines:\n{}", lines.len(), text(&lines));
            assert!(text(&lines).contains("caused by: the disk is full"), "{}", text(&lines));
        }
        let ended = view_of(|script| script.happens(TaskRunId::FLOW, EventKind::Suspended));
        assert!(text(&brief(&ended, 120, &program())).contains("mybin resume"));
    }
}
