//! A run that has ended, or is shown from a store: the tree, why it failed, what failed besides that, the numbers, and the
//! commands to continue with. Last comes what is needed next.

use super::cause::cause;
use super::failures::failures;
use super::program::Program;
use super::summary::{commands, notes, numbers};
use super::tree::tree;
use crate::terminal::styled_line::Line;
use crate::terminal::view::RunView;

/// The whole picture takes at most this many lines: a screen.
const LINES_MAX: usize = 30;

/// The tree always gets this many of them.
const TREE_MIN: usize = 4;

/// The tree gets up to this many before the list of failures gets more than one.
const TREE_BESIDE_FAILURES: usize = 8;

/// Draws a run that has ended in at most 30 lines, none of them wider than `width`.
///
/// In less than 60 columns, where commands are broken, it may take a few more.
pub fn finished(view: &RunView, width: usize, program: &Program) -> Vec<Line> {
    let root = view.root_cause();
    let mut below = Vec::new();
    let append = |below: &mut Vec<Line>, lines: Vec<Line>| {
        if !lines.is_empty() {
            below.push(Line::default());
            below.extend(lines);
        }
    };
    append(&mut below, root.as_ref().map(|root| cause(root, view, width, program)).unwrap_or_default());
    let mut end = numbers(view, width);
    end.extend(notes(view, width));
    end.extend(commands(view, width, program));
    // Two lines are empty: above the list, and above the numbers.
    let tree_height = view.groups.len().saturating_add(1).min(TREE_BESIDE_FAILURES);
    let room = LINES_MAX.saturating_sub(below.len() + end.len() + tree_height + 2);
    let known = root.as_ref().and_then(|root| root.failed);
    append(&mut below, failures(view, known, width, room.max(1), program));
    if !below.is_empty() {
        below.push(Line::default());
    }
    below.append(&mut end);
    let mut lines = tree(view, width, LINES_MAX.saturating_sub(below.len()).max(TREE_MIN));
    lines.append(&mut below);
    lines
}
