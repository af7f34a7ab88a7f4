//! Converts values to envelopes and back, with JSON as the payload.
//!
//! A value that JSON would change silently is refused when it is serialized. When it is deserialized, it would be too late: the
//! task has run by then, and its value is lost.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::strict::{Strict, WriteNotes};
use super::{Envelope, EnvelopeError, Fingerprint, HEADER_BYTES, begin, finish};
use crate::value::shape::Forms;

/// How deep lists and maps may be nested: one level less than the depth at which serde_json refuses.
pub(super) const NESTED_MAX: u32 = 127;

/// The initial capacity for the payload, so that a small value takes one allocation.
const SMALL_BYTES: usize = 64;

/// Returns the envelope of a value.
///
/// # Errors
/// If the value would not read back as it is. The caller then keeps the value in memory only.
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

/// Returns the envelope of a value, and whether it contains everything that the type asks for when it is deserialized. If so, a
/// value of a type with such `forms` reads back as it was.
pub(crate) fn encode_noting<T: Serialize + ?Sized>(
    value: &T,
    fingerprint: Fingerprint,
    forms: Option<&Forms>,
) -> Result<(Vec<u8>, bool), EncodeError> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + SMALL_BYTES);
    begin(&mut bytes);
    let notes = WriteNotes::new(forms);
    write(value, &mut bytes, &notes)?;
    finish(&mut bytes, fingerprint);
    Ok((bytes, notes.is_whole()))
}

/// Returns a value as JSON without an envelope, under the same checks.
pub(crate) fn to_json<T: Serialize + ?Sized>(value: &T) -> Result<String, EncodeError> {
    let mut bytes = Vec::with_capacity(SMALL_BYTES);
    write(value, &mut bytes, &WriteNotes::new(None))?;
    String::from_utf8(bytes).map_err(|source| EncodeError::Refused { reason: source.to_string() })
}

fn write<T: Serialize + ?Sized>(
    value: &T,
    bytes: &mut Vec<u8>,
    notes: &WriteNotes<'_>,
) -> Result<(), EncodeError> {
    let written = value.serialize(Strict::new(&mut serde_json::Serializer::new(bytes), notes));
    // Checked even on success: a `Serialize` that ignores the error of a part would leave half a value.
    match notes.take_reason() {
        Some(refused) => Err(refused),
        None => written.map_err(|source| EncodeError::Refused { reason: source.to_string() }),
    }
}

/// Returns the value in an envelope that [`encode`] made.
///
/// # Errors
/// If the envelope cannot be opened, or does not contain a `T`. The latter means that the value was not read back when it was
/// written, or that the type has changed in a way that its shape does not show.
pub fn decode<T: Deserialize<'static>>(bytes: &[u8], expected: Fingerprint) -> Result<T, DecodeError> {
    let payload = Envelope::open(bytes, expected)?;
    from_json(payload).map_err(|source| DecodeError::Json { reason: source.to_string() })
}

/// Deserializes a value without letting it borrow from `json`.
///
/// The bound is weaker than `DeserializeOwned`, because the generated code probes whether a type is `Deserialize`, and the
/// compiler ignores lifetimes in that search: `Vec<&'static str>` would be found and then be a compile error. Here such a type is
/// an error at run time.
pub(crate) fn from_json<T: Deserialize<'static>>(json: &[u8]) -> serde_json::Result<T> {
    // From a reader, serde_json lends no data to the value.
    let mut reader = serde_json::Deserializer::from_reader(json);
    let value = T::deserialize(&mut reader)?;
    reader.end().map(|()| value)
}

/// Why a value cannot be persisted.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EncodeError {
    /// A float is NaN or infinite, which JSON cannot represent.
    NotFinite,
    /// Lists and maps are nested deeper than serde_json reads back.
    TooDeep,
    /// A `Some(None)` or `Some(())`, which would be read back as `None`.
    EmptySome,
    /// The key of a map cannot be represented as text.
    Key {
        /// The error of serde_json.
        reason: String,
    },
    /// The `Serialize` of the value failed.
    Refused {
        /// The message of its error.
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

/// Why a persisted value cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum DecodeError {
    /// The envelope cannot be opened.
    Envelope(EnvelopeError),
    /// The payload is not a value of the type.
    Json {
        /// The error of serde_json.
        reason: String,
    },
}

impl DecodeError {
    /// Whether the value is lost: the bytes are not those that were written, or are not a value although the type has not changed.
    /// Otherwise the code has changed, and an older version of it could read the value.
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
                write!(f, "the persisted value cannot be read, although its type has not changed: {reason}")
            }
        }
    }
}

// No `source`: the message already contains that of the cause.
impl std::error::Error for DecodeError {}
