//! What most programs need: `use flowkit::prelude::*;`.

pub use crate::combinators::{
    all_or_cancel, allow_failure, as_completed, first_ended, first_failure, first_success, group, settle_all,
    sleep, wait_for_file, with_resource,
};
pub use crate::context::{ctx, fatal};
pub use crate::handle::{Handle, Handles};
pub use crate::items::each;
pub use crate::model::{Error, State};
#[cfg(feature = "macros")]
pub use flowkit_macros::{flow, task};

/// A `Result` whose error may be anything: `?` takes every error, also those of tasks.
pub type Result<T, E = crate::BoxError> = core::result::Result<T, E>;
