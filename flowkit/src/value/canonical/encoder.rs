//! The encoding: which bytes stand for which value.
//!
//! Every value begins with a tag. What follows has a fixed length, tells its length first, or is
//! made of values up to `Tag::End`. So the end of each value is certain, and two different
//! sequences of values never give the same bytes.

use std::any::type_name;

use serde::{Serialize, ser};

use super::names::NameClass;
use super::sink::Sink;
use super::{DEPTH_MAX, Digest, DigestError, names};
use crate::value::seal::SealKey;

/// What a digest is of. Digests of different domains never meet.
///
/// A change of the encoding takes a new number here: then no digest of old can be taken for a new one.
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
    /// A call: by its arguments, by a name where one of them cannot be compared, by its place alone.
    CallKey = 7,
    NamedCall = 8,
    UnknownCall = 9,
    /// The runs over a list that is made later.
    MapCall = 10,
    /// All that finds a call.
    Call = 11,
    /// A value with the secrets in it, under a key.
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
    /// The value that is written next is a set, although serde will call it a sequence.
    pub(super) set_follows: bool,
    /// Secrets are written as they are: what comes out is made with a key.
    pub(super) reveals: bool,
    pub(super) has_secret: bool,
}

impl Encoder {
    pub(crate) fn new(domain: Domain) -> Self {
        Self::begin(Sink::new(), domain, false)
    }

    /// Writes secrets as they are, into a digest that nobody can make without the key.
    pub(super) fn revealing(key: &SealKey) -> Self {
        Self::begin(Sink::keyed(key.as_bytes()), Domain::Sealed, true)
    }

    fn begin(mut sink: Sink, domain: Domain, reveals: bool) -> Self {
        sink.write(&[domain as u8]);
        Self { sink, depth: 0, set_follows: false, reveals, has_secret: false }
    }

    pub(crate) fn finish(mut self) -> Digest {
        Digest::from_bytes(self.sink.take())
    }

    pub(super) fn tag(&mut self, tag: Tag) {
        self.sink.write(&[tag as u8]);
    }

    /// Writes what a value of known length begins with.
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

    /// Writes a number that is not negative, the same way whatever the width of its type.
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
        // Every recursion comes through here, so the stack cannot overflow.
        if self.depth == DEPTH_MAX {
            return Err(DigestError::TooDeep);
        }
        self.depth += 1;
        self.whole(value)?;
        self.depth -= 1;
        Ok(())
    }

    /// Writes a value, knowing its type.
    pub(super) fn whole<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        match names::known_of(type_name::<T>()) {
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

    /// Writes a value that stands alone.
    pub(super) fn all_of<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), DigestError> {
        self.whole(value)?;
        // A part failed, and the `Serialize` around it paid no heed.
        match self.depth {
            0 => Ok(()),
            _ => Err(ser::Error::custom("it went on after a part of it failed")),
        }
    }
}
