//! The encoding: which bytes stand for which value.
//!
//! Every value begins with a tag. What follows has a fixed length, begins with its length, or consists of values up to
//! `Tag::End`. So the end of each value is unambiguous, and two different sequences of values never give the same bytes.

use std::any::type_name;

use serde::{Serialize, ser};

use super::names::NameClass;
use super::sink::Sink;
use super::{DEPTH_MAX, Digest, DigestError, names};
use crate::value::seal::SealKey;

/// What a digest is the digest of. Digests of different domains are never equal.
///
/// A change of the encoding needs a new number here, so that no old digest equals a new one.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Domain {
    Value = 1,
    Join = 2,
    CacheKey = 3,
    Shape = 4,
    Fingerprint = 5,
    /// The arguments of a call.
    CallInputs = 6,
    /// A call, identified by its arguments.
    CallKey = 7,
    /// A call with an argument that cannot be compared, identified by its name.
    NamedCall = 8,
    /// The same without a name, identified by its body and task alone.
    UnknownCall = 9,
    /// A `map` over a list that is not known yet.
    MapCall = 10,
    /// The whole identity of a call.
    Call = 11,
    /// A value including its secrets, made with a key.
    Sealed = 12,
    Seals = 13,
}

/// The first byte of an encoded value. Stored keys depend on the numbers.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(super) enum Tag {
    End = 0,
    Unit = 1,
    False = 2,
    True = 3,
    Unsigned = 4,
    Negative = 5,
    WideUnsigned = 6,
    WideNegative = 7,
    F32 = 8,
    F64 = 9,
    Char = 10,
    Text = 11,
    Bytes = 12,
    None = 13,
    Some = 14,
    UnitStruct = 15,
    NewtypeStruct = 16,
    TupleStruct = 17,
    Struct = 18,
    UnitVariant = 19,
    NewtypeVariant = 20,
    TupleVariant = 21,
    StructVariant = 22,
    Sequence = 23,
    Tuple = 24,
    Map = 25,
    Field = 26,
    Set = 27,
}

/// Feeds BLAKE3 with encoded values.
pub(crate) struct Encoder {
    pub(super) sink: Sink,
    depth: u32,
    /// The next value is a set, although serde will call it a sequence.
    pub(super) set_follows: bool,
    /// Whether secrets are written in plain text: the digest is made with a key.
    pub(super) reveals: bool,
    pub(super) has_secret: bool,
}

impl Encoder {
    pub(crate) fn new(domain: Domain) -> Self {
        Self::begin(None, domain, false)
    }

    /// Includes the plain text of secrets in the digest, which cannot be computed without the key.
    pub(super) fn revealing(key: &SealKey) -> Self {
        Self::begin(Some(*key.as_bytes()), Domain::Sealed, true)
    }

    #[inline]
    fn begin(key: Option<[u8; 32]>, domain: Domain, reveals: bool) -> Self {
        let mut encoder =
            Self { sink: Sink::new(key), depth: 0, set_follows: false, reveals, has_secret: false };
        encoder.sink.write(&[domain as u8]);
        encoder
    }

    /// Returns the digest of what was written. By reference, since moving the sink costs more than hashing a number.
    pub(crate) fn finish(&mut self) -> Digest {
        Digest::from_bytes(self.sink.take())
    }

    pub(super) fn tag(&mut self, tag: Tag) {
        self.sink.write(&[tag as u8]);
    }

    /// Writes the beginning of a value of known length.
    pub(super) fn tag_and_length(&mut self, tag: Tag, length: u64) {
        self.tag(tag);
        self.sink.write(&length.to_le_bytes());
    }

    pub(super) fn fixed<const N: usize>(&mut self, tag: Tag, payload: [u8; N]) {
        self.tag(tag);
        self.sink.write(&payload);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.tag_and_length(Tag::Text, text.len() as u64);
        self.sink.write(text.as_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.tag_and_length(Tag::Bytes, bytes.len() as u64);
        self.sink.write(bytes);
    }

    /// Writes a non-negative number, in the same way for every width of its type.
    pub(crate) fn unsigned(&mut self, number: u128) {
        match u64::try_from(number) {
            Ok(narrow) => self.fixed(Tag::Unsigned, narrow.to_le_bytes()),
            Err(_) => self.fixed(Tag::WideUnsigned, number.to_le_bytes()),
        }
    }

    pub(super) fn signed(&mut self, number: i128) {
        match (u128::try_from(number), i64::try_from(number)) {
            (Ok(unsigned), _) => self.unsigned(unsigned),
            (Err(_), Ok(narrow)) => self.fixed(Tag::Negative, narrow.to_le_bytes()),
            (Err(_), Err(_)) => self.fixed(Tag::WideNegative, number.to_le_bytes()),
        }
    }

    pub(crate) fn optional<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        match value {
            None => self.tag(Tag::None),
            Some(value) => {
                self.tag(Tag::Some);
                write(self, value);
            }
        }
    }

    /// Writes a value that is part of another one.
    pub(super) fn nested<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        // Every recursion passes through here, so the stack cannot overflow.
        if self.depth == DEPTH_MAX {
            return Err(DigestError::TooDeep);
        }
        self.depth += 1;
        self.whole(value)?;
        self.depth -= 1;
        Ok(())
    }

    /// Writes a value with what the name of its type says about it.
    pub(super) fn whole<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        match names::class_of(type_name::<T>()) {
            NameClass::Nothing => self.set_follows = false,
            NameClass::Set => self.set_follows = true,
            NameClass::Shared => {
                return Err(ser::Error::custom(
                    "a lock, a cell or an atomic is in it, whose value may change any time",
                ));
            }
        }
        value.serialize(self)
    }

    /// Writes a value that is not part of another one.
    pub(super) fn all_of<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        self.whole(value)?;
        // If a part failed and the `Serialize` around it ignored the error, the depth is not zero.
        match self.depth {
            0 => Ok(()),
            _ => Err(ser::Error::custom("it went on after a part of it failed")),
        }
    }
}
