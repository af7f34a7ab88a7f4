//! Runs that outlive their process: what is reused, what runs again, and what is refused.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod again;
mod artifacts;
mod attempts;
mod broken;
mod by_key;
mod cached;
mod decided;
mod disk;
mod diverged;
mod golden;
mod interrupted;
mod kept;
mod killed;
mod kit;
mod leftovers;
mod logged;
mod made;
mod odd;
mod once;
mod outage;
mod outputs;
mod powercut;
mod processes;
mod proved;
mod repeated;
mod resumed;
mod signals;
mod tracked;
mod values;
mod versions;
