//! A file that replaces another one: to be killed on the way.

use std::io::Write;

use flowkit::{BoxError, Output};

use crate::folder;

/// How many lines the file has.
const LINES: u32 = 10_000;

pub(crate) fn run() -> Result<(), BoxError> {
    let mut report = Output::atomic(folder().join("report"))?;
    for line in 0..LINES {
        writeln!(report, "line {line}")?;
    }
    report.commit()?;
    Ok(())
}
