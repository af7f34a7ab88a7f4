//! A run that has ended, or is looked back at: the tree, why it failed, what failed too, the numbers, and the commands to go
//! on with. The last is what one needs next.

use super::cause::cause;
use super::failures::failures;
use super::program::Program;
use super::summary::{commands, notes, numbers};
use super::tree::tree;
use crate::terminal::line::Line;
use crate::terminal::view::RunView;

/// All of it takes at most so many lines: a screen.
const LINES_MAX: usize = 30;

/// Of them, so many are left to the tree in any case.
const TREE_MIN: usize = 4;

/// So many are left to the tree, if it needs them, before the list of failures gets more than a line.
const TREE_BESIDE_FAILURES: usize = 8;

/// Draws a run that has ended in at most 30 lines, none of them wider than `width`.
///
/// In less than 60 columns, where commands are broken, it may take a few more.
pub fn finished(view: &RunView, width: usize, program: &Program) -> Vec<Line> {
    let root = view.root_cause();
    let mut below = Vec::new();
    let begin = |below: &mut Vec<Line>, lines: Vec<Line>| {
        if !lines.is_empty() {
            below.push(Line::default());
            below.extend(lines);
        }
    };
    begin(&mut below, root.as_ref().map(|root| cause(root, view, width, program)).unwrap_or_default());
    let mut end = numbers(view, width);
    end.extend(notes(view, width));
    end.extend(commands(view, width, program));
    // Two lines stay empty: above the list, and above the numbers.
    let tree_height = view.groups.len().saturating_add(1).min(TREE_BESIDE_FAILURES);
    let room = LINES_MAX.saturating_sub(below.len() + end.len() + tree_height + 2);
    let known = root.as_ref().and_then(|root| root.failed);
    begin(&mut below, failures(view, known, width, room.max(1), program));
    if !below.is_empty() {
        below.push(Line::default());
    }
    below.append(&mut end);
    let mut lines = tree(view, width, LINES_MAX.saturating_sub(below.len()).max(TREE_MIN));
    lines.append(&mut below);
    lines
}
