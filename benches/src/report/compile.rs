//! The cost of compiling as a table, for a person to read.

use super::table::{align_right_from, new_table, promises};
use crate::bounds::Verdict;
use crate::compile::Figures;

/// Renders the run.
#[must_use]
pub fn render(figures: &Figures, verdicts: &[Verdict]) -> String {
    let mut table = new_table(["what", "measured"]);
    table.add_row(["lines of LLVM code per task", &format!("{:.0}", figures.lines_per_task)]);
    table.add_row(["functions per task", &format!("{:.0}", figures.functions_per_task)]);
    table.add_row(["one literal changed, ten tasks", &format!("{:.1} s of CPU", figures.change_cpu_s)]);
    table.add_row(["debug binary, ten tasks", &format!("{:.0} MB", figures.binary_mb)]);
    align_right_from(&mut table, 1);
    format!("{}\n\nPromises of flowkit\n\n{}\n", table.trim_fmt(), promises(verdicts))
}
