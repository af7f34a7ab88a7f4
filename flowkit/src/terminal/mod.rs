//! Text for people to read in a terminal, made from events. What is drawn, and how it looks, is decided by pure functions;
//! only `lines()` and `screen` touch a terminal.
//!
//! ```text
//! notice ──► Lines: which fact is it ──► tally: what the summary needs ──► lines of text
//! notice ──► RunView: what is drawn of a run ──► picture: lines, as data ──► paint: bytes ──► Screen
//! ```

#[cfg(feature = "cli")]
mod ci;
#[cfg(all(test, feature = "cli"))]
mod docs;
#[cfg(feature = "cli")]
mod failures;
#[cfg(feature = "cli")]
pub(crate) mod folded;
#[cfg(feature = "cli")]
mod github;
#[cfg(feature = "cli")]
pub(crate) mod json;
#[cfg(feature = "cli")]
mod line;
mod lines;
mod not_compared;
#[cfg(feature = "cli")]
mod paint;
#[cfg(feature = "cli")]
pub mod picture;
mod root_cause;
#[cfg(feature = "cli")]
mod screen;
#[cfg(all(test, feature = "cli"))]
mod script;
#[cfg(feature = "cli")]
mod stopping;
mod tally;
#[cfg(feature = "cli")]
mod uri;
#[cfg(feature = "cli")]
mod view;

#[cfg(feature = "cli")]
pub use line::{Line, Link, Span, TextStyle};
pub use lines::{Lines, lines};
#[cfg(feature = "cli")]
pub(crate) use paint::Painted;
#[cfg(feature = "cli")]
pub use paint::StyleSupport;
#[cfg(feature = "cli")]
pub use screen::{Options, Screen, Stderr, stderr};
#[cfg(feature = "cli")]
pub use view::RunView;
#[cfg(feature = "cli")]
pub(crate) use view::artifact_label;
