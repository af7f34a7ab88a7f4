//! The serde serializer: single values, and the beginnings of those made of several.

use std::any::type_name;
use std::fmt::{self, Display, Write};
use std::mem;

use serde::ser::{Error, SerializeSeq};
use serde::{Serialize, Serializer};

use super::compound::{Entries, Sequence};
use super::encoder::{Encoder, Tag};
use super::names::Order;
use super::sink::Sink;
use super::{DigestError, names};
use crate::value::secret::{Hidden, SECRET, revealed};

type Written = Result<(), DigestError>;

impl<'a> Serializer for &'a mut Encoder {
    type Ok = ();
    type Error = DigestError;
    type SerializeSeq = Sequence<'a>;
    type SerializeTuple = Self;
    type SerializeTupleStruct = Self;
    type SerializeTupleVariant = Self;
    type SerializeMap = Entries<'a>;
    type SerializeStruct = Self;
    type SerializeStructVariant = Self;

    /// Values that have a short form for machines are taken in that form.
    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_bool(self, value: bool) -> Written {
        self.tag(if value { Tag::True } else { Tag::False });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Written {
        self.serialize_i128(value.into())
    }

    fn serialize_i16(self, value: i16) -> Written {
        self.serialize_i128(value.into())
    }

    fn serialize_i32(self, value: i32) -> Written {
        self.serialize_i128(value.into())
    }

    fn serialize_i64(self, value: i64) -> Written {
        self.serialize_i128(value.into())
    }

    fn serialize_i128(self, value: i128) -> Written {
        self.signed(value);
        Ok(())
    }

    fn serialize_u8(self, value: u8) -> Written {
        self.serialize_u128(value.into())
    }

    fn serialize_u16(self, value: u16) -> Written {
        self.serialize_u128(value.into())
    }

    fn serialize_u32(self, value: u32) -> Written {
        self.serialize_u128(value.into())
    }

    fn serialize_u64(self, value: u64) -> Written {
        self.serialize_u128(value.into())
    }

    fn serialize_u128(self, value: u128) -> Written {
        self.unsigned(value);
        Ok(())
    }

    fn serialize_f32(self, value: f32) -> Written {
        // NaNs differ in bits that no arithmetic promises to keep.
        let canonical = if value.is_nan() { f32::NAN } else { value };
        self.fixed(Tag::F32, canonical.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_f64(self, value: f64) -> Written {
        let canonical = if value.is_nan() { f64::NAN } else { value };
        self.fixed(Tag::F64, canonical.to_bits().to_le_bytes());
        Ok(())
    }

    fn serialize_char(self, value: char) -> Written {
        self.fixed(Tag::Char, u32::from(value).to_le_bytes());
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Written {
        self.text(value);
        Ok(())
    }

    /// Writes the same bytes as `serialize_str` does for the text, without making a `String`.
    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Written {
        // The length comes first, so the text is made twice: once to be measured.
        let mut measured = Measured::default();
        write!(measured, "{value}").map_err(DigestError::custom)?;
        self.tag_and_length(Tag::Text, measured.length);
        let mut hashed = Measured { length: 0, sink: Some(&mut self.sink) };
        write!(hashed, "{value}").map_err(DigestError::custom)?;
        if hashed.length != measured.length {
            return Err(DigestError::custom("its `Display` gave two different texts"));
        }
        Ok(())
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        self.bytes(value);
        Ok(())
    }

    fn serialize_none(self) -> Written {
        self.tag(Tag::None);
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        self.tag(Tag::Some);
        self.nested(value)
    }

    fn serialize_unit(self) -> Written {
        self.tag(Tag::Unit);
        Ok(())
    }

    fn serialize_unit_struct(self, name: &'static str) -> Written {
        self.tag(Tag::UnitStruct);
        self.text(name);
        Ok(())
    }

    fn serialize_unit_variant(self, name: &'static str, _: u32, variant: &'static str) -> Written {
        self.variant(Tag::UnitVariant, name, variant);
        Ok(())
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, name: &'static str, value: &T) -> Written {
        self.tag(Tag::NewtypeStruct);
        self.text(name);
        if name == SECRET { self.secret(value) } else { self.nested(value) }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Written {
        self.variant(Tag::NewtypeVariant, name, variant);
        self.nested(value)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Sequence<'a>, DigestError> {
        if mem::take(&mut self.set_follows) {
            return Ok(Sequence::Set(Entries::begin(self)));
        }
        self.tag(Tag::Sequence);
        Ok(Sequence::List(self))
    }

    /// Finds out by name what is a set: most of them come through here, at any depth.
    fn collect_seq<I: IntoIterator<Item: Serialize>>(self, items: I) -> Written {
        self.set_follows = match names::order_of(type_name::<I>()) {
            Order::Ordered => false,
            Order::Multiset => true,
            Order::Doubtful => {
                return Err(DigestError::custom(
                    "it depends on the order in which a hash set or map was walked through",
                ));
            }
        };
        let mut sequence = self.serialize_seq(None)?;
        for item in items {
            sequence.serialize_element(&item)?;
        }
        sequence.end()
    }

    fn serialize_tuple(self, _: usize) -> Result<Self, DigestError> {
        self.tag(Tag::Tuple);
        Ok(self)
    }

    fn serialize_tuple_struct(self, name: &'static str, _: usize) -> Result<Self, DigestError> {
        self.tag(Tag::TupleStruct);
        self.text(name);
        Ok(self)
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, DigestError> {
        self.variant(Tag::TupleVariant, name, variant);
        Ok(self)
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Entries<'a>, DigestError> {
        Ok(Entries::begin(self))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Self, DigestError> {
        self.tag(Tag::Struct);
        self.text(name);
        Ok(self)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Self, DigestError> {
        self.variant(Tag::StructVariant, name, variant);
        Ok(self)
    }
}

impl Encoder {
    fn secret<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.has_secret = true;
        // Serde reads some values into a buffer before it writes them, and the buffer has the mask.
        if type_name::<T>() != type_name::<Hidden<'_>>() {
            return Err(DigestError::custom("a secret in it is masked before flowkit can see it"));
        }
        if self.reveals { revealed(|| self.nested(value)) } else { self.nested(value) }
    }

    fn variant(&mut self, tag: Tag, name: &str, variant: &str) {
        self.tag(tag);
        self.text(name);
        self.text(variant);
    }
}

/// Counts the bytes of a text and hashes them if there is a sink.
#[derive(Default)]
struct Measured<'a> {
    length: u64,
    sink: Option<&'a mut Sink>,
}

impl Write for Measured<'_> {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        self.length += piece.len() as u64;
        if let Some(sink) = &mut self.sink {
            sink.write(piece.as_bytes());
        }
        Ok(())
    }
}
