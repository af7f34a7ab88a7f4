//! How a user's value becomes bytes and comes back: what it is (digests), how it is stored (envelopes), which form its type has
//! (shapes). Pure.

pub mod canonical;
#[cfg(feature = "store")]
pub mod envelope;
pub(crate) mod secret;
#[cfg(feature = "store")]
pub mod shape;
