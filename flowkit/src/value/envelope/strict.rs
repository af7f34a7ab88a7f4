//! A serializer around serde_json's that refuses values which JSON would change silently.
//!
//! serde_json writes NaN, the infinities and `Some(None)` as `null`, and nests as deep as the stack allows, although it reads 127
//! levels at most. Everything else is passed on.

use std::cell::Cell;

use serde::ser::{Serialize, Serializer};
use serde::ser::{
    SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};

use super::json::{EncodeError, NESTED_MAX};
use crate::value::shape::Forms;

/// How deep values may be nested including `Some` and newtypes, which JSON does not show, but which take stack.
const LEVELS_MAX: u32 = 4 * NESTED_MAX;

/// What is noted while a value is serialized.
pub(super) struct WriteNotes<'f> {
    /// Why the value was refused: serde_json has no error that could carry it.
    reason: Cell<Option<EncodeError>>,
    /// The forms for which the type asks when it is deserialized, if they are known.
    forms: Option<&'f Forms>,
    is_whole: Cell<bool>,
    /// The form that was looked up last: the items of a list have all the same one.
    last: Cell<Option<(&'static str, &'static str, usize)>>,
}

impl<'f> WriteNotes<'f> {
    pub(super) fn new(forms: Option<&'f Forms>) -> Self {
        Self { reason: Cell::default(), forms, is_whole: Cell::new(forms.is_some()), last: Cell::default() }
    }

    /// Returns why the value was refused, once.
    pub(super) fn take_reason(&self) -> Option<EncodeError> {
        self.reason.take()
    }

    /// Whether everything was written that the type asks for when it is deserialized.
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole.get()
    }

    fn skipped(&self) {
        self.is_whole.set(false);
    }

    fn map(&self) {
        if self.is_whole.get() && !self.forms.is_some_and(Forms::has_maps) {
            self.is_whole.set(false);
        }
    }

    /// Notes a struct or a variant with this number of fields.
    fn form(&self, name: &'static str, variant: &'static str, fields: usize) {
        let Some(forms) = self.forms.filter(|_| self.is_whole.get()) else { return };
        let is_same = |(last, of, count): (&str, &str, usize)| {
            std::ptr::eq::<str>(last, name) && std::ptr::eq::<str>(of, variant) && count == fields
        };
        if self.last.get().is_some_and(is_same) {
            return;
        }
        self.is_whole.set(forms.is_whole((name, variant), fields));
        self.last.set(Some((name, variant, fields)));
    }
}

/// Passes on to `inner` what JSON represents faithfully.
pub(super) struct Strict<'r, S> {
    inner: S,
    around: Around<'r>,
}

/// The position in the value.
#[derive(Clone, Copy)]
struct Around<'r> {
    notes: &'r WriteNotes<'r>,
    /// The number of lists and maps around this.
    nested: u32,
    /// The number of all values around this.
    levels: u32,
    is_in_some: bool,
}

impl<'r, S: Serializer> Strict<'r, S> {
    pub(super) fn new(inner: S, notes: &'r WriteNotes<'r>) -> Self {
        Self { inner, around: Around { notes, nested: 0, levels: 0, is_in_some: false } }
    }

    /// Writes a value without content, as `null`.
    fn null(self, write: impl FnOnce(S) -> Result<S::Ok, S::Error>) -> Result<S::Ok, S::Error> {
        if self.around.is_in_some {
            return self.around.refuse(EncodeError::EmptySome);
        }
        write(self.inner)
    }
}

impl<'r> Around<'r> {
    fn refuse<T, E: serde::ser::Error>(&self, reason: EncodeError) -> Result<T, E> {
        let error = E::custom(&reason);
        self.notes.reason.set(Some(reason));
        Err(error)
    }

    /// Enters `lists` lists or maps.
    fn inside<E: serde::ser::Error>(self, lists: u32) -> Result<Self, E> {
        let (nested, levels) = (self.nested + lists, self.levels + 1);
        if nested > NESTED_MAX || levels > LEVELS_MAX {
            return self.refuse(EncodeError::TooDeep);
        }
        Ok(Self { nested, levels, is_in_some: false, ..self })
    }

    /// Enters a value that JSON does not show.
    fn behind<E: serde::ser::Error>(self, is_in_some: bool) -> Result<Self, E> {
        Ok(Self { is_in_some, ..self.inside(0)? })
    }
}

/// A value inside another one.
struct NestedValue<'r, 'v, T: ?Sized> {
    around: Around<'r>,
    value: &'v T,
}

impl<T: Serialize + ?Sized> Serialize for NestedValue<'_, '_, T> {
    fn serialize<S: Serializer>(&self, inner: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(Strict { inner, around: self.around })
    }
}

macro_rules! pass_on {
    ($($write:ident $type:ty),+ $(,)?) => { $(
        fn $write(self, value: $type) -> Result<S::Ok, S::Error> {
            self.inner.$write(value)
        }
    )+ };
}

macro_rules! floats {
    ($($write:ident $type:ty),+) => { $(
        fn $write(self, value: $type) -> Result<S::Ok, S::Error> {
            if !value.is_finite() {
                return self.around.refuse(EncodeError::NotFinite);
            }
            self.inner.$write(value)
        }
    )+ };
}

/// The beginnings of lists and maps, with the levels that each takes in JSON: a variant is a map of one entry around its content.
macro_rules! begin {
    ($($begin:ident $kind:ident $lists:literal ($($argument:ident: $type:ty),*) $($note:ident($($form:expr),*))?),+ $(,)?) => { $(
        fn $begin(self, $($argument: $type),*) -> Result<Self::$kind, S::Error> {
            $(self.around.notes.$note($($form),*);)?
            let around = self.around.inside($lists)?;
            Ok(Strict { inner: self.inner.$begin($($argument),*)?, around })
        }
    )+ };
}

impl<'r, S: Serializer> Serializer for Strict<'r, S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Strict<'r, S::SerializeSeq>;
    type SerializeTuple = Strict<'r, S::SerializeTuple>;
    type SerializeTupleStruct = Strict<'r, S::SerializeTupleStruct>;
    type SerializeTupleVariant = Strict<'r, S::SerializeTupleVariant>;
    type SerializeMap = Strict<'r, S::SerializeMap>;
    type SerializeStruct = Strict<'r, S::SerializeStruct>;
    type SerializeStructVariant = Strict<'r, S::SerializeStructVariant>;

    fn is_human_readable(&self) -> bool {
        self.inner.is_human_readable()
    }

    pass_on! {
        serialize_bool bool, serialize_char char, serialize_str &str, serialize_bytes &[u8],
        serialize_i8 i8, serialize_i16 i16, serialize_i32 i32, serialize_i64 i64, serialize_i128 i128,
        serialize_u8 u8, serialize_u16 u16, serialize_u32 u32, serialize_u64 u64, serialize_u128 u128,
    }

    floats! { serialize_f32 f32, serialize_f64 f64 }

    begin! {
        serialize_seq SerializeSeq 1 (length: Option<usize>),
        serialize_tuple SerializeTuple 1 (length: usize),
        serialize_tuple_struct SerializeTupleStruct 1 (name: &'static str, length: usize),
        serialize_tuple_variant SerializeTupleVariant 2
            (name: &'static str, index: u32, variant: &'static str, length: usize) form(name, variant, 0),
        serialize_map SerializeMap 1 (length: Option<usize>) map(),
        serialize_struct SerializeStruct 1 (name: &'static str, length: usize) form(name, "", length),
        serialize_struct_variant SerializeStructVariant 2
            (name: &'static str, index: u32, variant: &'static str, length: usize) form(name, variant, length),
    }

    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.null(S::serialize_none)
    }

    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.null(S::serialize_unit)
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<S::Ok, S::Error> {
        self.null(|inner| inner.serialize_unit_struct(name))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        let around = self.around.behind(true)?;
        self.inner.serialize_some(&NestedValue { around, value })
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        let around = self.around.behind(self.around.is_in_some)?;
        self.inner.serialize_newtype_struct(name, &NestedValue { around, value })
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
    ) -> Result<S::Ok, S::Error> {
        self.around.notes.form(name, variant, 0);
        self.inner.serialize_unit_variant(name, index, variant)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        index: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.around.notes.form(name, variant, 0);
        let around = self.around.inside(1)?;
        self.inner.serialize_newtype_variant(name, index, variant, &NestedValue { around, value })
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.inner.collect_str(value)
    }
}

macro_rules! values {
    ($($list:ident $add:ident),+ $(,)?) => { $(
        impl<S: $list> $list for Strict<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn $add<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
                self.inner.$add(&NestedValue { around: self.around, value })
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )+ };
}

values! {
    SerializeSeq serialize_element,
    SerializeTuple serialize_element,
    SerializeTupleStruct serialize_field,
    SerializeTupleVariant serialize_field,
}

macro_rules! fields {
    ($($list:ident),+) => { $(
        impl<S: $list> $list for Strict<'_, S> {
            type Ok = S::Ok;
            type Error = S::Error;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), S::Error> {
                self.inner.serialize_field(name, &NestedValue { around: self.around, value })
            }

            fn skip_field(&mut self, name: &'static str) -> Result<(), S::Error> {
                self.around.notes.skipped();
                self.inner.skip_field(name)
            }

            fn end(self) -> Result<S::Ok, S::Error> {
                self.inner.end()
            }
        }
    )+ };
}

fields!(SerializeStruct, SerializeStructVariant);

impl<S: SerializeMap> SerializeMap for Strict<'_, S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), S::Error> {
        // Not wrapped in `NestedValue`: serde_json itself refuses keys that are not text, and keys are not nested.
        self.inner
            .serialize_key(key)
            .or_else(|error| self.around.refuse(EncodeError::Key { reason: error.to_string() }))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.inner.serialize_value(&NestedValue { around: self.around, value })
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.inner.end()
    }
}
