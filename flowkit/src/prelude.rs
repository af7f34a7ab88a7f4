//! What most programs need: `use flowkit::prelude::*;`.

pub use crate::ctx::{ctx, fatal};
pub use crate::engine::handle::{Handle, Handles};
pub use crate::model::{Error, State};
pub use crate::task::combinators::{
    all_or_cancel, as_completed, first_ended, first_failure, first_success, group, sleep, wait_for_file,
    with_resource,
};
pub use crate::task::items::each;
pub use crate::task::outcomes::{allow_failure, settle_all};
#[cfg(feature = "macros")]
pub use flowkit_macros::{flow, task};

/// A `Result` whose error may be anything: `?` takes every error, also those of tasks.
pub type Result<T, E = crate::value::BoxError> = core::result::Result<T, E>;
