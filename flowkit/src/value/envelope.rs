//! The format in which a store persists a value: its bytes, and what is needed to trust them.
//!
//! Files get damaged and types change, and SQLite notices neither. Pure bytes in, bytes out: nothing here reads a file, and the
//! caller decides whether a value that cannot be opened is a miss or an error. This is no encryption, and no protection against
//! an attacker who can write to the store and compute a matching checksum.
//!
//! ```text
//! magic 4 │ format 1 │ codec 1 │ zero 2 │ length 8 │ fingerprint 32 │ checksum 16 │ payload
//! ```

mod fingerprint;
mod json;
mod strict;

pub use fingerprint::Fingerprint;
pub use json::{DecodeError, EncodeError, decode, encode};
pub(crate) use json::{encode_noting, from_json, to_json};

use std::fmt;

/// The first byte is not valid text, so that no JSON, SQL or source code is mistaken for an envelope.
const MAGIC: [u8; 4] = [0x89, b'f', b'k', b'v'];

/// To be raised when a reader of the previous version would misread the next one.
const FORMAT: u8 = 1;

/// The codec of the payload.
const JSON: u8 = 1;

/// The number of bytes before the payload.
pub const HEADER_BYTES: usize = 64;

/// The part of the header that the checksum covers, beside the payload: everything before the checksum.
const COVERED_BYTES: usize = 48;

/// Half of a BLAKE3 hash. It detects accidents, not attacks, and misses one in 2^128 of them.
const CHECKSUM_BYTES: usize = HEADER_BYTES - COVERED_BYTES;

/// Puts values into envelopes and opens them.
#[derive(Clone, Copy, Debug)]
pub struct Envelope;

impl Envelope {
    /// Returns the envelope of a payload in JSON: [`HEADER_BYTES`] more than the payload.
    ///
    /// ```
    /// # use flowkit::value::envelope::{Envelope, EnvelopeError, Fingerprint};
    /// let (old, new) = (Fingerprint::of::<u32>(None), Fingerprint::of::<String>(None));
    /// let sealed = Envelope::seal(old, b"42");
    /// assert_eq!(Envelope::open(&sealed, old), Ok(&b"42"[..]));
    /// assert_eq!(Envelope::open(&sealed, new), Err(EnvelopeError::TypeChanged { recorded: old, expected: new }));
    /// ```
    #[must_use]
    pub fn seal(fingerprint: Fingerprint, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES + payload.len());
        begin(&mut bytes);
        bytes.extend_from_slice(payload);
        finish(&mut bytes, fingerprint);
        bytes
    }

    /// Returns the payload, which is a part of `bytes`. Allocates nothing.
    ///
    /// # Errors
    /// If the bytes are not as [`seal`](Self::seal) returned them, or the fingerprint is not the `expected` one. The fingerprint is
    /// compared after the checksum: a flipped bit in it is [`Corrupt`](EnvelopeError::Corrupt), never a changed type.
    pub fn open(bytes: &[u8], expected: Fingerprint) -> Result<&[u8], EnvelopeError> {
        let known = bytes.len().min(MAGIC.len());
        if bytes[..known] != MAGIC[..known] {
            return Err(EnvelopeError::NotAnEnvelope);
        }
        // Checked before the length: another format may have a shorter header.
        if let Some(format) = bytes.get(MAGIC.len()).copied().filter(|format| *format != FORMAT) {
            return Err(EnvelopeError::UnknownVersion { recorded: format, known: FORMAT });
        }
        let (header, payload) = bytes
            .split_first_chunk::<HEADER_BYTES>()
            .ok_or(EnvelopeError::Truncated { found: bytes.len() as u64, expected: HEADER_BYTES as u64 })?;
        let header = Header::read(header);
        let expected_bytes = header.length.saturating_add(HEADER_BYTES as u64);
        if expected_bytes > bytes.len() as u64 {
            return Err(EnvelopeError::Truncated { found: bytes.len() as u64, expected: expected_bytes });
        }
        // Bytes behind the end are hashed too, so that they are detected.
        if checksum(&bytes[..COVERED_BYTES], payload) != header.checksum {
            return Err(EnvelopeError::Corrupt);
        }
        if header.codec != JSON {
            return Err(EnvelopeError::UnknownCodec { recorded: header.codec });
        }
        if header.fingerprint != expected {
            return Err(EnvelopeError::TypeChanged { recorded: header.fingerprint, expected });
        }
        Ok(payload)
    }
}

/// Returns the checksum of an envelope, which covers the value and its fingerprint.
pub(crate) fn checksum_of(envelope: &[u8]) -> Option<[u8; CHECKSUM_BYTES]> {
    envelope.first_chunk::<HEADER_BYTES>().map(|header| Header::read(header).checksum)
}

/// Whether an envelope is as it was sealed, whatever the type of its value.
pub(crate) fn is_whole(envelope: &[u8]) -> bool {
    envelope.split_first_chunk::<HEADER_BYTES>().is_some_and(|(header, payload)| {
        checksum(&header[..COVERED_BYTES], payload) == Header::read(header).checksum
    })
}

/// Leaves room for the header, so that the payload can be written behind it without copying.
fn begin(bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(&[0; HEADER_BYTES]);
}

/// Fills in the header of `bytes`, which contain the payload.
fn finish(bytes: &mut [u8], fingerprint: Fingerprint) {
    let (header, payload) = bytes.split_at_mut(HEADER_BYTES);
    header[..4].copy_from_slice(&MAGIC);
    header[4] = FORMAT;
    header[5] = JSON;
    header[8..16].copy_from_slice(&(payload.len() as u64).to_le_bytes());
    header[16..COVERED_BYTES].copy_from_slice(fingerprint.digest().as_bytes());
    let checksum = checksum(&header[..COVERED_BYTES], payload);
    header[COVERED_BYTES..].copy_from_slice(&checksum);
}

fn checksum(covered: &[u8], payload: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(covered).update(payload);
    let mut checksum = [0; CHECKSUM_BYTES];
    checksum.copy_from_slice(&hasher.finalize().as_bytes()[..CHECKSUM_BYTES]);
    checksum
}

/// The fields of the header, except magic and format.
struct Header {
    codec: u8,
    length: u64,
    fingerprint: Fingerprint,
    checksum: [u8; CHECKSUM_BYTES],
}

impl Header {
    fn read(bytes: &[u8; HEADER_BYTES]) -> Self {
        Self {
            codec: bytes[5],
            length: u64::from_le_bytes(part(bytes, 8)),
            fingerprint: Fingerprint::from_bytes(part(bytes, 16)),
            checksum: part(bytes, COVERED_BYTES),
        }
    }
}

/// Returns the part of the header that begins at `from`.
fn part<const N: usize>(bytes: &[u8; HEADER_BYTES], from: usize) -> [u8; N] {
    let mut part = [0; N];
    part.copy_from_slice(&bytes[from..from + N]);
    part
}

/// Why the persisted bytes of a value cannot be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EnvelopeError {
    /// The bytes do not begin with the magic number of an envelope.
    NotAnEnvelope,
    /// This version of flowkit does not know the format of the envelope.
    UnknownVersion {
        /// The format of the envelope.
        recorded: u8,
        /// The format of this version of flowkit.
        known: u8,
    },
    /// This version of flowkit does not know the codec of the payload.
    UnknownCodec {
        /// The number of the codec.
        recorded: u8,
    },
    /// The end is missing.
    Truncated {
        /// The number of bytes.
        found: u64,
        /// The number that is needed at least.
        expected: u64,
    },
    /// The checksum does not match.
    Corrupt,
    /// The value has another type, or comes from another `version` of the task.
    TypeChanged {
        /// The fingerprint of the value.
        recorded: Fingerprint,
        /// The fingerprint of the current type.
        expected: Fingerprint,
    },
}

impl fmt::Display for EnvelopeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnEnvelope => f.write_str("the bytes are not a value that flowkit wrote"),
            Self::UnknownVersion { recorded, known } => write!(
                f,
                "the value has format {recorded}, and this release of flowkit knows format {known}: another release wrote it"
            ),
            Self::UnknownCodec { recorded } => {
                write!(f, "the value has codec {recorded}, which this release of flowkit does not know: another release wrote it")
            }
            Self::Truncated { found, expected } => write!(
                f,
                "the value is cut short: {found} bytes of at least {expected} are there, so it was not written or not copied to its end"
            ),
            Self::Corrupt => {
                f.write_str("the checksum does not match: the value has changed since it was written, so the file or the disk is damaged")
            }
            Self::TypeChanged { recorded, expected } => write!(
                f,
                "the value is of another type than the task returns today (recorded {recorded:?}, expected {expected:?}): \
                 the type or the task's `version` was changed since"
            ),
        }
    }
}

impl std::error::Error for EnvelopeError {}

#[cfg(test)]
mod tests;
