//! A run that has ended, or is looked back at: the tree, why it failed, the numbers, and the commands to go on with. The
//! last is what one needs next.

use super::cause::cause;
use super::program::Program;
use super::summary::{commands, numbers};
use super::tree::tree;
use crate::terminal::line::Line;
use crate::terminal::view::RunView;

/// All of it takes at most so many lines: a screen.
const LINES_MAX: usize = 30;

/// Draws a run that has ended in at most 30 lines, none of them wider than `width`.
///
/// In less than 60 columns, where commands are broken, it may take a few more.
pub fn finished(view: &RunView, width: usize, program: &Program) -> Vec<Line> {
    let mut below = Vec::new();
    let cause = cause(view, width, program);
    if !cause.is_empty() {
        below.push(Line::default());
        below.extend(cause);
        below.push(Line::default());
    }
    below.extend(numbers(view, width));
    below.extend(commands(view, width, program));
    let mut lines = tree(view, width, LINES_MAX.saturating_sub(below.len()).max(4));
    lines.append(&mut below);
    lines
}
