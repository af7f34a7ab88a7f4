//! Text for people and programs, made from events. Pure functions decide what is shown and how; only `lines()` and `screen`
//! write it.
//!
//! ```text
//! notice ─┬─► RunView: the state of a run ─┬─► lines, json: text
//!         └─► Fact: what the event says ───┴─► picture: lines as data ──► paint: bytes ──► Screen
//! ```

#[cfg(test)]
mod docs;
pub(crate) mod fact;
mod failures;
pub(crate) mod folded;
mod github;
#[cfg(feature = "cli")]
pub(crate) mod json;
mod not_compared;
#[cfg(feature = "cli")]
mod paint;
pub mod picture;
pub(crate) mod plain_lines;
mod root_cause;
#[cfg(feature = "cli")]
mod screen;
#[cfg(test)]
mod script;
mod stopping;
mod styled_line;
#[cfg(feature = "cli")]
mod uri;
mod view;

#[cfg(feature = "cli")]
pub(crate) use paint::Painted;
#[cfg(feature = "cli")]
pub use paint::StyleSupport;
pub use plain_lines::{Lines, lines};
#[cfg(feature = "cli")]
pub use screen::{Options, Screen, Stderr, stderr};
pub use styled_line::{Line, Link, Span, TextStyle};
pub use view::RunView;
#[cfg(feature = "cli")]
pub(crate) use view::artifact_label;
