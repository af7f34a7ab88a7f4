//! A program with one flow, whose name may be left out. One of its parameters has the name of an option.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "no library")]

use flowkit::prelude::*;

/// Says what it was given.
#[flow]
async fn report(
    /// How many rows to take
    #[param(default = 2)]
    rows: u32,
    /// Only what is called so
    #[param(default = "all".to_owned())]
    only: String,
    /// Where to load to
    db: Option<String>,
) -> String {
    format!("{rows} {only} {db:?}")
}

flowkit::main!(report);
