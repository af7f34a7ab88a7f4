//! A value that nobody may see: a password, a token. Not encryption: in memory it is what it is.

use std::fmt;

use serde::de::{Deserializer, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// The name under which a secret asks for its value, so that whoever asks people for it knows what it is.
pub(crate) const SECRET: &str = "flowkit::Secret";

/// What is shown and written down in its place.
pub(crate) const MASK: &str = "***";

/// A value that is never printed and never written down: as a parameter of a flow, it is `***` in every record.
///
/// A run that is resumed has to be given it again: from `FLOWKIT_PARAM_<NAME>`, a file, or `etl(…).resuming(id)`.
/// It is part of no cache key, so that a changed password makes nothing run again. Not for what a task returns: such a
/// result cannot be kept.
///
/// ```
/// let token = flowkit::Secret::new("abc".to_owned());
/// assert_eq!(format!("{token:?}"), "***");
/// assert_eq!(token.reveal(), "abc");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret<T = String>(T);

impl<T> Secret<T> {
    /// Hides a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// Gives the value to whoever may see it.
    pub const fn reveal(&self) -> &T {
        &self.0
    }

    /// Gives the value up.
    pub fn into_revealed(self) -> T {
        self.0
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl<T> Serialize for Secret<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Whole<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for Whole<T> {
            type Value = Secret<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a secret")
            }

            fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<Secret<T>, D::Error> {
                T::deserialize(Unmasked(value)).map(Secret)
            }
        }

        deserializer.deserialize_newtype_struct(SECRET, Whole(std::marker::PhantomData))
    }
}

macro_rules! unmasked {
    ($($ask:ident)+) => { $(
        fn $ask<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$ask(Unmasked(visitor))
        }
    )+ };
}

macro_rules! as_they_are {
    ($($ask:ident)+) => { $(
        fn $ask<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, D::Error> {
            self.0.$ask(visitor)
        }
    )+ };
}

/// Refuses the mask where text is asked for: what is written down in the place of a secret is not the secret.
struct Unmasked<D>(D);

impl<'de, D: Deserializer<'de>> Deserializer<'de> for Unmasked<D> {
    type Error = D::Error;

    unmasked! { deserialize_str deserialize_string deserialize_option }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_newtype_struct(name, Unmasked(visitor))
    }

    // A text is an error for all of these, or they look for themselves.
    as_they_are! {
        deserialize_any deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_i128 deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_char deserialize_bytes deserialize_byte_buf deserialize_unit
        deserialize_seq deserialize_map deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, length: usize, visitor: V) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple(length, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        length: usize,
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_tuple_struct(name, length, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_struct(name, fields, visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, D::Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
}

impl<'de, V: Visitor<'de>> Visitor<'de> for Unmasked<V> {
    type Value = V::Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.expecting(f)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<V::Value, E> {
        unmasked(text)?;
        self.0.visit_str(text)
    }

    fn visit_borrowed_str<E: serde::de::Error>(self, text: &'de str) -> Result<V::Value, E> {
        unmasked(text)?;
        self.0.visit_borrowed_str(text)
    }

    fn visit_string<E: serde::de::Error>(self, text: String) -> Result<V::Value, E> {
        unmasked(&text)?;
        self.0.visit_string(text)
    }

    fn visit_none<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_none()
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<V::Value, E> {
        self.0.visit_unit()
    }

    fn visit_some<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_some(Unmasked(value))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<V::Value, D::Error> {
        self.0.visit_newtype_struct(Unmasked(value))
    }
}

fn unmasked<E: serde::de::Error>(text: &str) -> Result<(), E> {
    match text {
        MASK => Err(E::custom("it is a secret, of which no record is kept; give it again")),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[cfg(feature = "store")]
mod tests {
    use super::*;
    use crate::model::shape::{Outline, outline_of};

    fn read<T: for<'de> Deserialize<'de>>(json: &str) -> Result<Secret<T>, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_is_read_and_never_shown() {
        let token = read::<String>("\"abc\"").unwrap();
        assert_eq!(token.reveal(), "abc");
        assert_eq!(serde_json::to_string(&token).unwrap(), "\"***\"");
        assert_eq!(format!("{token:?}"), "***");
        assert_eq!(*read::<u32>("7").unwrap().reveal(), 7);
        assert_eq!(*read::<Option<u32>>("null").unwrap().reveal(), None);
        assert_eq!(*read::<Vec<u8>>("[1]").unwrap().reveal(), [1]);
    }

    #[test]
    fn what_is_written_in_its_place_is_not_read_as_the_secret() {
        for error in [
            read::<String>("\"***\"").unwrap_err(),
            read::<Option<String>>("\"***\"").unwrap_err(),
            read::<Secret<String>>("\"***\"").unwrap_err(),
        ] {
            assert!(error.contains("give it again"), "{error}");
        }
        assert!(read::<u32>("\"***\"").is_err());
    }

    #[test]
    fn whoever_asks_people_knows_a_secret() {
        assert_eq!(outline_of::<Secret>(), Outline::Secret(Box::new(Outline::Text)));
        assert_eq!(
            outline_of::<Secret<u8>>(),
            Outline::Secret(Box::new(Outline::Integer { min: 0, max: 255 }))
        );
    }
}
