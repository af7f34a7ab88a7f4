//! The serde serializers of compound values: sequences, tuples, structs and maps.
//!
//! The lengths that serde announces are not used: they may be missing, and a hand-written `Serialize` may be wrong about them.
//! End marks are always right.

use std::mem;

use serde::{Serialize, ser};

use super::DigestError;
use super::encoder::{Encoder, Tag};
use super::sink::Sink;

type Written = Result<(), DigestError>;

/// A list of values and an end mark, for each of serde's traits for it.
macro_rules! values {
    ($($list:ident :: $add:ident),+) => { $(
        impl ser::$list for &mut Encoder {
            type Ok = ();
            type Error = DigestError;

            fn $add<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
                self.nested(value)
            }

            fn end(self) -> Written {
                self.tag(Tag::End);
                Ok(())
            }
        }
    )+ };
}

values!(
    SerializeTuple::serialize_element,
    SerializeTupleStruct::serialize_field,
    SerializeTupleVariant::serialize_field
);

/// A list of named values and an end mark. A skipped field writes nothing.
macro_rules! fields {
    ($($list:ident),+) => { $(
        impl ser::$list for &mut Encoder {
            type Ok = ();
            type Error = DigestError;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Written {
                self.tag(Tag::Field);
                self.text(name);
                self.nested(value)
            }

            fn end(self) -> Written {
                self.tag(Tag::End);
                Ok(())
            }
        }
    )+ };
}

fields!(SerializeStruct, SerializeStructVariant);

/// A sequence to serde: a list, or a set.
pub(crate) enum Sequence<'a> {
    List(&'a mut Encoder),
    Set(Entries<'a>),
}

impl ser::SerializeSeq for Sequence<'_> {
    type Ok = ();
    type Error = DigestError;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        match self {
            Self::List(encoder) => encoder.nested(value),
            Self::Set(entries) => entries.add(value),
        }
    }

    fn end(self) -> Written {
        match self {
            Self::List(encoder) => {
                encoder.tag(Tag::End);
                Ok(())
            }
            Self::Set(entries) => {
                entries.finish(Tag::Set);
                Ok(())
            }
        }
    }
}

/// A map or a set: its entries are hashed one by one and their digests are sorted, so that their order has no effect.
pub(crate) struct Entries<'a> {
    encoder: &'a mut Encoder,
    /// The sink of the value around the entries; the encoder has the sink of the current entry.
    // Boxed: it takes more than 1 kB, and each level of nested maps would put one on the stack.
    around: Box<Sink>,
    digests: Vec<[u8; 32]>,
}

impl<'a> Entries<'a> {
    pub(super) fn begin(encoder: &'a mut Encoder) -> Self {
        let mut around = Box::new(encoder.sink.another());
        mem::swap(&mut *around, &mut encoder.sink);
        Self { encoder, around, digests: Vec::new() }
    }

    /// Adds an item of a set.
    pub(super) fn add<T: Serialize + ?Sized>(&mut self, item: &T) -> Written {
        self.encoder.nested(item)?;
        self.digests.push(self.encoder.sink.take());
        Ok(())
    }

    pub(super) fn finish(mut self, tag: Tag) {
        self.digests.sort_unstable();
        self.encoder.sink = *self.around;
        self.encoder.tag_and_length(tag, self.digests.len() as u64);
        for digest in &self.digests {
            self.encoder.sink.write(digest);
        }
    }
}

impl ser::SerializeMap for Entries<'_> {
    type Ok = ();
    type Error = DigestError;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Written {
        self.encoder.nested(key)
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Written {
        self.add(value)
    }

    fn end(self) -> Written {
        self.finish(Tag::Map);
        Ok(())
    }
}
