//! Compound dummies: lists, structs, maps and enums.

use serde::de::value::BorrowedStrDeserializer;
use serde::de::{DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor};

use super::fault::Fault;
use super::place::{Answer, ShapeFact, ShapeKind, ShapeStep};
use super::recorder::Recorder;
use super::walk::Walk;

/// A list of a given length.
pub(super) struct SequenceItems<'a> {
    walk: &'a mut Walk,
    answer: Answer,
    next: usize,
    length: usize,
}

impl<'a> SequenceItems<'a> {
    pub(super) fn new(walk: &'a mut Walk, answer: Answer, length: usize) -> Self {
        Self { walk, answer, next: 0, length }
    }
}

impl<'de> SeqAccess<'de> for SequenceItems<'_> {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        if self.next == self.length {
            return Ok(None);
        }
        let edge = ShapeStep::At(self.next);
        self.next += 1;
        seed.deserialize(Recorder::inside(self.walk, self.answer, edge)).map(Some)
    }
}

fn name<'de, S: DeserializeSeed<'de>>(seed: S, name: &'static str) -> Result<S::Value, Fault> {
    seed.deserialize(BorrowedStrDeserializer::new(name))
}

/// The value of a field. If it accepts no dummy, the next run leaves the field out.
fn field<'de, S: DeserializeSeed<'de>>(
    walk: &mut Walk,
    around: Answer,
    name: &'static str,
    seed: S,
) -> Result<S::Value, Fault> {
    walk.value_is_asked_for();
    let result = seed.deserialize(Recorder::inside(walk, around, ShapeStep::Field(name)));
    if result.is_err() {
        walk.leave_out_broken();
    }
    result
}

/// A struct whose field names serde passed.
pub(super) struct Fields<'a> {
    walk: &'a mut Walk,
    answer: Answer,
    fields: &'static [&'static str],
    current: &'static str,
}

impl<'a> Fields<'a> {
    pub(super) fn new(walk: &'a mut Walk, answer: Answer, fields: &'static [&'static str]) -> Self {
        Self { walk, answer, fields, current: "" }
    }
}

impl<'de> MapAccess<'de> for Fields<'_> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        while let [first, rest @ ..] = self.fields {
            self.fields = rest;
            if !self.walk.is_broken(self.answer, ShapeStep::Field(first)) {
                self.current = first;
                self.walk.name_field(self.answer, first);
                return name(seed, first).map(Some);
            }
        }
        Ok(None)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        field(self.walk, self.answer, self.current, seed)
    }
}

/// A map: the keys that were found to be required, then perhaps one that stands for all others.
pub(super) struct MapEntries<'a> {
    walk: &'a mut Walk,
    /// The answer whose keys come next. After a tag, this is the answer of the tag, which has the keys required with it.
    answer: Answer,
    next: usize,
    after_tag: Option<Answer>,
    others: usize,
    current: Option<&'static str>,
    /// The answer of the map itself.
    own: Answer,
}

impl<'a> MapEntries<'a> {
    pub(super) fn found_out(walk: &'a mut Walk, answer: Answer) -> Self {
        Self::found_out_and(walk, answer, 0)
    }

    pub(super) fn found_out_and(walk: &'a mut Walk, answer: Answer, others: usize) -> Self {
        walk.begin_map(answer);
        Self { walk, answer, next: 0, after_tag: None, others, current: None, own: answer }
    }

    /// Returns the next key that was found to be required.
    fn next_wanted(&mut self) -> Option<&'static str> {
        loop {
            let keys = &self.walk.place(self.answer.place).ways[self.answer.way].keys;
            if let Some(key) = keys.get(self.next).copied() {
                self.next += 1;
                if !self.walk.is_broken(self.answer, ShapeStep::Field(key)) {
                    return Some(key);
                }
            } else {
                self.answer = self.after_tag.take()?;
                self.next = 0;
                self.walk.begin_map(self.answer);
            }
        }
    }
}

impl<'de> MapAccess<'de> for MapEntries<'_> {
    type Error = Fault;

    fn next_key_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<Option<S::Value>, Fault> {
        self.current = self.next_wanted();
        if let Some(key) = self.current {
            return name(seed, key).map(Some);
        }
        if self.others == 0 {
            return Ok(None);
        }
        self.others -= 1;
        seed.deserialize(Recorder::inside(self.walk, self.own, ShapeStep::At(0))).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let Some(key) = self.current else {
            return seed.deserialize(Recorder::inside(self.walk, self.own, ShapeStep::At(1)));
        };
        let value = field(self.walk, self.answer, key, seed)?;
        if let Some(tag) = self.walk.tag_at(self.answer, ShapeStep::Field(key)) {
            self.after_tag = Some(tag);
        }
        Ok(value)
    }
}

/// One variant of an enum. Its content is walked as a place inside it.
pub(super) struct Variant<'a> {
    walk: &'a mut Walk,
    answer: Answer,
    name: &'static str,
}

impl<'a> Variant<'a> {
    pub(super) fn new(walk: &'a mut Walk, answer: Answer, name: &'static str) -> Self {
        Self { walk, answer, name }
    }

    fn content(self) -> Recorder<'a> {
        Recorder::inside(self.walk, self.answer, ShapeStep::At(0))
    }
}

impl<'de> EnumAccess<'de> for Variant<'_> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<(S::Value, Self), Fault> {
        name(seed, self.name).map(|value| (value, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        self.content().answer(ShapeFact::of(ShapeKind::UnitVariant), (1, false), |_, _| Ok(()))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Fault> {
        self.content().answer(ShapeFact::of(ShapeKind::NewtypeVariant), (1, false), |walk, answer| {
            seed.deserialize(Recorder::inside(walk, answer, ShapeStep::At(0)))
        })
    }

    fn tuple_variant<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, Fault> {
        self.content().deserialize_tuple(length, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.content().deserialize_struct("", fields, visitor)
    }
}
