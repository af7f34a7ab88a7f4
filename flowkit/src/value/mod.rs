//! How a user's value becomes bytes and comes back: digests identify it, envelopes store it, shapes describe its type. Pure.

pub mod canonical;
pub mod codec;
#[cfg(feature = "store")]
pub mod envelope;
#[cfg(feature = "store")]
pub(crate) mod json;
#[cfg(feature = "store")]
pub(crate) mod not_persisted;
#[cfg(feature = "store")]
pub(crate) mod parameters;
#[cfg(feature = "store")]
pub(crate) mod persist;
pub(crate) mod seal;
pub(crate) mod secret;
#[cfg(feature = "store")]
pub mod shape;

use std::error::Error as StdError;

/// Any error: the default of [`flowkit::prelude::Result`](crate::prelude::Result).
pub type BoxError = Box<dyn StdError + Send + Sync>;
