//! What a run looks like: pure functions from a view, a size and a moment to lines. No terminal, no clock.
//!
//! ```text
//! title            once, when the run begins
//! fact             for what stays in the scroll-back: retries, failures, slow runs
//! live             while it runs, drawn again and again
//! finished         when it has ended, or is shown from a store
//! brief            the same in 15 lines, for a run that did not go well
//! ```

mod brief;
mod cause;
pub(super) mod fact;
mod failures;
mod finished;
mod live;
mod program;
mod summary;
mod tree;
mod words;

pub use self::brief::brief;
pub use self::finished::finished;
pub use self::live::live;
pub use self::program::Program;
pub(crate) use self::program::for_shell;

use super::styled_line::{Line, TextStyle};
use super::view::RunView;
use crate::text::columns::columns;

/// No column is further to the right than this: longer lines are hard to read.
const WIDTH_MAX: usize = 100;

/// Returns the indentation of lines, which sets them apart from the program's output, if there is room.
const fn margin(width: usize) -> usize {
    match width {
        0..30 => 0,
        30..50 => 1,
        _ => 3,
    }
}

/// Returns the first line of a run: its name, its id, its arguments, and the address of its page.
pub fn title(view: &RunView, width: usize, program: &Program) -> Vec<Line> {
    let line = Line::indented(margin(width))
        .plain_text("Flow ")
        .add(TextStyle::Bold, view.flow.clone())
        .plain_text("  run ")
        .add(TextStyle::Bold, view.id.short());
    let line = match view.parameters.as_str() {
        "" => line,
        parameters => line.plain_text("  ").add(TextStyle::Dim, parameters),
    };
    let Some(link) = program.link(view.id) else { return vec![line.fitted(width)] };
    let right = width.min(WIDTH_MAX);
    if line.columns() + 2 + columns(&link) <= right {
        return vec![line.right(right, TextStyle::Dim, &link)];
    }
    let below = Line::indented(margin(width)).add(TextStyle::Dim, link);
    // A link that was cut would be of no use.
    let below = (below.columns() <= width).then_some(below);
    std::iter::once(line.fitted(width)).chain(below).collect()
}

#[cfg(test)]
mod tests;
