//! Values to envelopes and back, by way of JSON.
//!
//! What JSON would change silently is refused when it is written, not found out when it is read: the task has run by
//! then, and its value is lost.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::strict::{Strict, WriteNotes};
use super::{Envelope, EnvelopeError, Fingerprint, HEADER_BYTES, begin, finish};
use crate::value::shape::Forms;

/// How many lists and maps may be inside one another: one less than the limit of serde_json, at which it refuses.
pub(super) const NESTED_MAX: u32 = 127;

/// Room for a small value, so that it costs one allocation.
const SMALL_BYTES: usize = 64;

/// Returns the envelope of a value.
///
/// # Errors
/// If the value would not come back as it is. The caller then keeps the value in memory only.
///
/// ```
/// # use flowkit::value::envelope::{Fingerprint, decode, encode};
/// let fingerprint = Fingerprint::of::<Vec<f64>>(Some("2"));
/// let bytes = encode(&vec![0.1, -0.0, 1e300], fingerprint)?;
/// assert_eq!(decode::<Vec<f64>>(&bytes, fingerprint)?, [0.1, -0.0, 1e300]);
/// assert!(encode(&vec![f64::NAN], fingerprint).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn encode<T: Serialize + ?Sized>(value: &T, fingerprint: Fingerprint) -> Result<Vec<u8>, EncodeError> {
    encode_noting(value, fingerprint, None).map(|(bytes, _)| bytes)
}

/// Returns the envelope of a value, and whether all of the value is in it for which its type asks when it is read: as far as
/// the type has only such `forms`, it then comes back as it is.
pub(crate) fn encode_noting<T: Serialize + ?Sized>(
    value: &T,
    fingerprint: Fingerprint,
    forms: Option<&Forms>,
) -> Result<(Vec<u8>, bool), EncodeError> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + SMALL_BYTES);
    begin(&mut bytes);
    let heard = WriteNotes::new(forms);
    write(value, &mut bytes, &heard)?;
    finish(&mut bytes, fingerprint);
    Ok((bytes, heard.is_whole()))
}

/// Returns a value as JSON from which it comes back as it is, with no envelope.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, EncodeError> {
    let mut bytes = Vec::with_capacity(SMALL_BYTES);
    write(value, &mut bytes, &WriteNotes::new(None))?;
    String::from_utf8(bytes).map_err(|source| EncodeError::Refused { reason: source.to_string() })
}

fn write<T: Serialize + ?Sized>(
    value: &T,
    bytes: &mut Vec<u8>,
    heard: &WriteNotes<'_>,
) -> Result<(), EncodeError> {
    let written = value.serialize(Strict::new(&mut serde_json::Serializer::new(bytes), heard));
    // A `Serialize` that passes over the refusal of a part would leave half a value.
    match heard.take_reason() {
        Some(refused) => Err(refused),
        None => written.map_err(|source| EncodeError::Refused { reason: source.to_string() }),
    }
}

/// Returns the value that [`encode`] was given.
///
/// # Errors
/// If the envelope cannot be opened, or what is in it is no `T`. The latter means that it was not read back when it was
/// written, or that the type was changed in a way that its shape does not show.
pub fn decode<T: Deserialize<'static>>(bytes: &[u8], expected: Fingerprint) -> Result<T, DecodeError> {
    let payload = Envelope::open(bytes, expected)?;
    from_json(payload).map_err(|source| DecodeError::Json { reason: source.to_string() })
}

/// Reads a value that borrows nothing from `json`, whatever its type says.
///
/// Like `DeserializeOwned`, but without a `for<'de>`: the generated code asks of every type whether it is `Deserialize`, and
/// the compiler answers such a question without regard to lifetimes. A `Vec<&'static str>` would pass, and be refused with
/// an error when it is too late. Here it is an error when it is read.
pub(crate) fn from_json<T: Deserialize<'static>>(json: &[u8]) -> serde_json::Result<T> {
    // A reader lends nothing to what it gives.
    let mut reader = serde_json::Deserializer::from_reader(json);
    let value = T::deserialize(&mut reader)?;
    reader.end().map(|()| value)
}

/// Why a value cannot be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A float is NaN or infinite, which JSON cannot say.
    NotFinite,
    /// Lists and maps are nested deeper than can be read back.
    TooDeep,
    /// A `Some` holds nothing, which JSON reads back as `None`.
    EmptySome,
    /// The key of a map cannot be written as text.
    Key {
        /// What serde_json said.
        reason: String,
    },
    /// The `Serialize` of the value refused.
    Refused {
        /// What it said.
        reason: String,
    },
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFinite => f.write_str("a float in it is NaN or infinite, which JSON has no form for"),
            Self::TooDeep => {
                write!(f, "it is nested deeper than {NESTED_MAX} levels and could not be read back")
            }
            Self::EmptySome => f.write_str("a `Some(None)` or `Some(())` in it would be read back as `None`"),
            Self::Key { reason } => {
                write!(
                    f,
                    "a map in it has a key that is no text, number or `bool` ({reason}); keep a list of pairs instead"
                )
            }
            Self::Refused { reason } => write!(f, "{reason}"),
        }
    }
}

impl std::error::Error for EncodeError {}

/// Why a kept value does not come back.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The envelope cannot be opened.
    Envelope(EnvelopeError),
    /// What is in the envelope is no value of the type.
    Json {
        /// What serde_json said.
        reason: String,
    },
}

impl DecodeError {
    /// Whether the value is lost: the bytes are not those that were written, or are none of a type that has not changed.
    /// Otherwise the code has changed, and an older one could read the value.
    pub fn is_damage(&self) -> bool {
        use EnvelopeError as E;
        matches!(
            self,
            Self::Json { .. } | Self::Envelope(E::NotAnEnvelope | E::Truncated { .. } | E::Corrupt)
        )
    }
}

impl From<EnvelopeError> for DecodeError {
    fn from(error: EnvelopeError) -> Self {
        Self::Envelope(error)
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Envelope(error) => error.fmt(f),
            Self::Json { reason } => {
                write!(f, "the kept value cannot be read, although its type has not changed: {reason}")
            }
        }
    }
}

// No `source`: the text says it all already.
impl std::error::Error for DecodeError {}
