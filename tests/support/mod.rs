//! What several test targets share: counting the bodies that run, and reading a record back.

pub mod bodies;
pub mod replay;

pub use bodies::Bodies;

use std::time::Duration;

pub const HOUR: Duration = Duration::from_secs(3600);
