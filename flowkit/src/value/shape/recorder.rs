//! The serde deserializer that answers every question with a dummy and records the question.

use serde::Deserializer;
use serde::de::Visitor;

use super::answers::{ANYTHING_COUNT, Anything, CHARS, NUMBERS, TEXTS, anything};
use super::compound::{Fields, MapEntries, SequenceItems, Variant};
use super::fault::Fault;
use super::place::{Answer, ShapeFact, ShapeKind, ShapeStep};
use super::walk::Walk;

/// The deserializer for one place of the type.
pub(super) struct Recorder<'a> {
    walk: &'a mut Walk,
    around: Answer,
    edge: ShapeStep,
}

impl<'a> Recorder<'a> {
    pub(super) fn at_root(walk: &'a mut Walk) -> Self {
        Self::inside(walk, Answer { place: 0, way: 0 }, ShapeStep::At(0))
    }

    pub(super) fn inside(walk: &'a mut Walk, around: Answer, edge: ShapeStep) -> Self {
        Self { walk, around, edge }
    }

    /// Records the question, lets `give` answer it, and records whether the answer was accepted.
    pub(super) fn answer<T>(
        self,
        fact: ShapeFact,
        ways: (usize, bool),
        give: impl FnOnce(&mut Walk, Answer) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let question = self.walk.enter(self.around, self.edge, fact, ways)?;
        let result = give(self.walk, question.answer);
        self.walk.leave(question, result.as_ref().err().copied());
        result
    }

    fn text<'de, V: Visitor<'de>>(self, kind: ShapeKind, visitor: V) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::of(kind), (TEXTS.len(), false), |walk, answer| {
            let texts = walk.place(answer.place).variants.unwrap_or(TEXTS);
            visitor.visit_borrowed_str(texts[answer.way])
        })
    }
}

/// One item or value is tried first, none if that is refused.
const ONE_OR_NONE: (usize, bool) = (2, false);
const ONLY: (usize, bool) = (1, false);

macro_rules! numbers {
    ($($ask:ident $kind:ident $visit:ident $number:ident),+ $(,)?) => { $(
        fn $ask<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.answer(ShapeFact::of(ShapeKind::$kind), (NUMBERS.len(), false), |_, answer| {
                visitor.$visit(NUMBERS[answer.way] as $number)
            })
        }
    )+ };
}

impl<'de> Deserializer<'de> for Recorder<'_> {
    type Error = Fault;

    // As for JSON, the format in which values are persisted.
    fn is_human_readable(&self) -> bool {
        true
    }

    numbers! {
        deserialize_i8 I8 visit_i8 i8,
        deserialize_i16 I16 visit_i16 i16,
        deserialize_i32 I32 visit_i32 i32,
        deserialize_i64 I64 visit_i64 i64,
        deserialize_i128 I128 visit_i128 i128,
        deserialize_u8 U8 visit_u8 u8,
        deserialize_u16 U16 visit_u16 u16,
        deserialize_u32 U32 visit_u32 u32,
        deserialize_u64 U64 visit_u64 u64,
        deserialize_u128 U128 visit_u128 u128,
        deserialize_f32 F32 visit_f32 f32,
        deserialize_f64 F64 visit_f64 f64,
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::of(ShapeKind::Any), (ANYTHING_COUNT, true), |walk, answer| {
            match anything(answer.way) {
                Anything::Float => visitor.visit_f64(0.5),
                Anything::Negative => visitor.visit_i64(-1),
                Anything::Unsigned => visitor.visit_u64(1),
                Anything::Bool => visitor.visit_bool(true),
                Anything::Text(text) => visitor.visit_borrowed_str(text),
                Anything::Map => visitor.visit_map(MapEntries::found_out(walk, answer)),
                Anything::Sequence => visitor.visit_seq(SequenceItems::new(walk, answer, 0)),
                Anything::Nothing => visitor.visit_unit(),
            }
        })
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::of(ShapeKind::Bool), (2, false), |_, answer| {
            visitor.visit_bool(answer.way == 0)
        })
    }

    fn deserialize_char<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::of(ShapeKind::Char), (CHARS.len(), false), |_, answer| {
            visitor.visit_char(CHARS[answer.way])
        })
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.text(ShapeKind::Text, visitor)
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.text(ShapeKind::Text, visitor)
    }

    fn deserialize_identifier<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.text(ShapeKind::Name, visitor)
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::of(ShapeKind::Bytes), ONLY, |_, _| visitor.visit_borrowed_bytes(&[]))
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::of(ShapeKind::Option), ONE_OR_NONE, |walk, answer| match answer.way {
            0 => visitor.visit_some(Recorder::inside(walk, answer, ShapeStep::At(0))),
            _ => visitor.visit_none(),
        })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::of(ShapeKind::Unit), ONLY, |_, _| visitor.visit_unit())
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::named(ShapeKind::UnitStruct, name, &[]), ONLY, |_, _| visitor.visit_unit())
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::named(ShapeKind::Newtype, name, &[]), ONLY, |walk, answer| {
            visitor.visit_newtype_struct(Recorder::inside(walk, answer, ShapeStep::At(0)))
        })
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::of(ShapeKind::Sequence), ONE_OR_NONE, |walk, answer| {
            visitor.visit_seq(SequenceItems::new(walk, answer, 1 - answer.way))
        })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::tuple(ShapeKind::Tuple, "", length), ONLY, |walk, answer| {
            visitor.visit_seq(SequenceItems::new(walk, answer, length))
        })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::tuple(ShapeKind::TupleStruct, name, length), ONLY, |walk, answer| {
            visitor.visit_seq(SequenceItems::new(walk, answer, length))
        })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::of(ShapeKind::Map), ONE_OR_NONE, |walk, answer| {
            visitor.visit_map(MapEntries::found_out_and(walk, answer, 1 - answer.way))
        })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::named(ShapeKind::Struct, name, fields), ONLY, |walk, answer| {
            visitor.visit_map(Fields::new(walk, answer, fields))
        })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.answer(
            ShapeFact::named(ShapeKind::Enum, name, variants),
            (variants.len(), true),
            |walk, answer| visitor.visit_enum(Variant::new(walk, answer, variants[answer.way])),
        )
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.answer(ShapeFact::of(ShapeKind::Ignored), ONLY, |_, _| visitor.visit_unit())
    }
}
