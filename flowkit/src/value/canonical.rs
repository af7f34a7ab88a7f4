//! One digest per value: equal content gives equal digests, on every machine and in every process.
//!
//! Cache keys and call keys are made of such digests. A serde serializer feeds BLAKE3 with a typed encoding in which no value is
//! a prefix of another, so that `("ab", "c")` and `("a", "bc")` differ. It is not a format: nothing reads it back. Pure, and it
//! allocates only for maps.
//!
//! Why not canonical JSON (RFC 8785): there is no NaN in it, integers beyond 2^53 become equal, sets have the order of their
//! hasher, and the whole text would be written first.

mod compound;
mod digest;
mod encoder;
mod names;
mod serializer;
mod sink;

pub use digest::{Digest, InvalidDigest};
pub(crate) use encoder::{Domain, Encoder};

use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Serialize, ser};

use crate::value::seal::SealKey;

/// The maximum number of levels that a value may be nested: serde_json's limit for deserializing. A `Some` and a newtype are
/// levels, too.
pub const DEPTH_MAX: u32 = 128;

/// Returns the digest of `value`.
///
/// # What is equal
/// - integers of equal value, whatever their type: widening a `u32` to a `u64` does not change the digest;
/// - maps of equal content, whatever their type and order; so are sets, at any depth: a `HashSet` equals the `BTreeSet`;
/// - all secrets: a [`Secret`](crate::Secret) is `***` here as everywhere;
/// - a value and the same value behind `&`, `Box`, `Arc` or `Cow`, which serde does not show;
/// - all NaNs of one float type; values that a `Serialize` makes equal, such as `1_u8` and `1_u64` in
///   an `untagged` enum.
///
/// # What is different
/// - `0.0` and `-0.0` (`1.0 / x` tells them apart), `1.5_f32` and `1.5_f64`, `1` and `1.0`;
/// - `None`, `()`, `Some(None)` and `Some(())`; `'a'`, `"a"` and the bytes `b"a"`;
/// - a vector, a tuple, a struct and a map of equal content; an array is a tuple to serde;
/// - newtypes, structs and enums of different names: `Metres(1.0)` is not `Feet(1.0)`;
/// - structs whose fields were renamed or reordered. Enum variants go by name: reordering is free.
///
/// To serde a set is a sequence; flowkit recognises the sets of std and of well-known crates by the name of their type. If a
/// hand-written `Serialize` turns a set into a list or a text, the order of the set's hasher becomes part of the digest: sort the
/// items there. Tasks that are `at_most_once` or cached detect such an argument if it is also `Deserialize`; they refuse it, or
/// do not cache the call.
///
/// # Errors
/// If the value is nested deeper than [`DEPTH_MAX`], if its `Serialize` fails, if it contains a lock, a cell or an atomic, or if
/// it numbers, truncates or pairs the items of a hash set or map.
///
/// ```
/// # use flowkit::value::canonical::digest;
/// # use std::collections::{BTreeMap, HashMap};
/// let hashed = HashMap::from([("a", 1), ("b", 2)]);
/// let sorted = BTreeMap::from([("b", 2_u64), ("a", 1)]);
/// assert_eq!(digest(&hashed)?, digest(&sorted)?);
/// assert_ne!(digest(&("ab", "c"))?, digest(&("a", "bc"))?);
/// # Ok::<(), flowkit::value::canonical::DigestError>(())
/// ```
pub fn digest<T: Serialize + ?Sized>(value: &T) -> Result<Digest, DigestError> {
    let mut encoder = Encoder::new(Domain::Value);
    encoder.all_of(value)?;
    Ok(encoder.finish())
}

/// Returns the digest of `value`, and, if it contains secrets, a second one that includes them and is made with a key.
pub(crate) fn digest_and_seal<T: Serialize + ?Sized>(
    value: &T,
    key: Sealing<'_>,
) -> Result<(Digest, Option<Digest>), DigestError> {
    let mut encoder = Encoder::new(Domain::Value);
    encoder.all_of(value)?;
    if !encoder.has_secret {
        return Ok((encoder.finish(), None));
    }
    let key = key.map_err(|file| DigestError::NoSealKey { file: file.to_owned() })?;
    let mut revealing = Encoder::revealing(key);
    revealing.all_of(value)?;
    Ok((encoder.finish(), Some(revealing.finish())))
}

/// Returns one digest for a value, including its secrets.
pub(crate) fn sealed_digest<T: Serialize + ?Sized>(
    value: &T,
    key: Sealing<'_>,
) -> Result<Digest, DigestError> {
    let (digest, seal) = digest_and_seal(value, key)?;
    Ok(seal.map_or(digest, |seal| Digest::join(&[digest, seal])))
}

/// The key with which secrets are sealed, or the file in which it is missing.
pub type Sealing<'a> = Result<&'a SealKey, &'a Path>;

/// Why a value has no digest.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DigestError {
    /// The value is nested deeper than [`DEPTH_MAX`].
    TooDeep,
    /// The `Serialize` of the value failed.
    Refused {
        /// The message of its error.
        reason: String,
    },
    /// The value differs after it was serialized, deserialized and serialized again, so its digest does not identify it. Not
    /// detected by [`digest`], which only serializes.
    Differs,
    /// The value contains secrets, and the key for their digests is missing.
    NoSealKey {
        /// The file in which it should be.
        file: PathBuf,
    },
}

impl fmt::Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep => write!(f, "the value is nested deeper than {DEPTH_MAX} levels"),
            Self::Refused { reason } => write!(f, "the value cannot be serialized: {reason}"),
            Self::Differs => f.write_str(
                "written, read and written again, the value differs, as a set does whose own `Serialize` writes it in the order of its hasher (sort it there)",
            ),
            Self::NoSealKey { file } => write!(
                f,
                "`{}` is missing: calls with secrets cannot be told from one another; put it back, or make another one with `db new-key` (they are made again then)",
                file.display()
            ),
        }
    }
}

impl std::error::Error for DigestError {}

impl ser::Error for DigestError {
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::Refused { reason: reason.to_string() }
    }
}

#[cfg(test)]
mod tests;
