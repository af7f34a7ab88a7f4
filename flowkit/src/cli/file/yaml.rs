//! Reads YAML. Merge keys are resolved: `<<: *base` takes the members of another object that are not given beside it.

use std::cell::RefCell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, EnumAccess, Error, MapAccess, SeqAccess, Visitor};

use super::{WANTED, at, not_finite, significant, without_values};
use crate::value::json::{Json, Members, Number, path_to};

const MERGE: &str = "<<";

/// Reads the values of a text.
pub(super) fn read(text: &str) -> Result<Members, String> {
    // To YAML, a text without a value is no document at all.
    if significant(text).is_none() {
        return Ok(Members::new());
    }
    let fault = RefCell::new(None);
    let top = Position { path: String::new(), fault: &fault };
    match top.deserialize(yaml_serde::Deserializer::from_str(text)) {
        Ok(Json::Object(values)) => Ok(values),
        Ok(Json::Null) => Ok(Members::new()),
        Ok(_) => Err(format!("expected {WANTED}")),
        Err(error) => {
            let place = error.location().map(|place| (place.line(), place.column()));
            Err(match fault.into_inner() {
                Some(fault) => fault.words(place),
                None => without_values(&error.to_string(), place),
            })
        }
    }
}

/// What YAML can say, and a parameter cannot take. With the path of the value.
enum Fault {
    Twice(String),
    NotFinite(String),
    Merge(String),
    Tag(String),
}

impl Fault {
    fn words(&self, place: Option<(usize, usize)>) -> String {
        let at = at(place);
        match self {
            Self::Twice(path) => format!("`{path}` is given twice{at}; leave out one"),
            Self::NotFinite(path) => not_finite(path, place),
            Self::Merge(path) => {
                format!("`{path}`{at} takes an object, or a list of objects: write `<<: *name`")
            }
            Self::Tag(path) => format!("`{path}`{at} has a tag, such as `!name`; write the value without it"),
        }
    }
}

/// Where in the file a value is.
struct Position<'f> {
    path: String,
    /// The error of serde has no room for it.
    fault: &'f RefCell<Option<Fault>>,
}

impl Position<'_> {
    fn inside(&self, name: &str) -> Self {
        Self { path: path_to(&self.path, name), fault: self.fault }
    }

    fn refuse<E: Error>(&self, fault: fn(String) -> Fault) -> E {
        *self.fault.borrow_mut() = Some(fault(self.path.clone()));
        E::custom("a value that no parameter takes")
    }
}

impl<'de> DeserializeSeed<'de> for Position<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        deserializer.deserialize_any(self)
    }
}

macro_rules! whole {
    ($($visit:ident $type:ty),+) => { $(
        fn $visit<E: Error>(self, number: $type) -> Result<Json, E> {
            Ok(number.into())
        }
    )+ };
}

impl<'de> Visitor<'de> for Position<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(WANTED)
    }

    whole! { visit_i64 i64, visit_u64 u64, visit_i128 i128, visit_u128 u128 }

    fn visit_bool<E: Error>(self, is: bool) -> Result<Json, E> {
        Ok(Json::Bool(is))
    }

    fn visit_f64<E: Error>(self, float: f64) -> Result<Json, E> {
        Number::of(float).map(Json::Number).ok_or_else(|| self.refuse(Fault::NotFinite))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Json, E> {
        Ok(text.into())
    }

    fn visit_unit<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Json, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut items = Vec::new();
        while let Some(item) =
            access.next_element_seed(Position { path: self.path.clone(), fault: self.fault })?
        {
            items.push(item);
        }
        Ok(Json::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Json, A::Error> {
        let mut members = Members::new();
        while let Some(name) = access.next_key::<String>()? {
            let inner = self.inside(&name);
            if members.contains_key(&name) {
                return Err(inner.refuse(Fault::Twice));
            }
            members.insert(name, access.next_value_seed(inner)?);
        }
        if let Some(bases) = members.remove(MERGE) {
            merge(&mut members, bases).ok_or_else(|| self.inside(MERGE).refuse(Fault::Merge))?;
        }
        Ok(Json::Object(members))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, _tagged: A) -> Result<Json, A::Error> {
        Err(self.refuse(Fault::Tag))
    }
}

/// Adds the members of one object, or of several, of which the first takes precedence. `None` if it is something else.
fn merge(members: &mut Members, bases: Json) -> Option<()> {
    match bases {
        Json::Object(base) => {
            for (name, value) in base {
                members.entry(name).or_insert(value);
            }
            Some(())
        }
        Json::List(bases) => bases.into_iter().try_for_each(|base| {
            let base = base.into_object()?;
            merge(members, Json::Object(base))
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as_json(text: &str) -> String {
        read(text).map_or_else(|reason| reason, |values| Json::Object(values).to_string())
    }

    #[test]
    fn what_yaml_says_becomes_the_same_in_json() {
        for (yaml, json) in [
            ("# nothing\n\n# at all\n", "{}"),
            ("", "{}"),
            ("---\n", "{}"),
            (
                "a: 340282366920938463463374607431768211455",
                r#"{"a":340282366920938463463374607431768211455}"#,
            ),
            (
                "a: -170141183460469231731687303715884105728",
                r#"{"a":-170141183460469231731687303715884105728}"#,
            ),
            ("a: 0x10\nb: 1e-5\nc: ~\nd: 'x'", r#"{"a":16,"b":0.00001,"c":null,"d":"x"}"#),
            ("1: one", r#"{"1":"one"}"#),
            ("x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3", r#"{"x":{"a":1,"b":2},"y":{"a":1,"b":3}}"#),
            (
                "x: &x {a: 1}\ny: &y {a: 2, b: 2}\nz:\n  <<: [*x, *y]",
                r#"{"x":{"a":1},"y":{"a":2,"b":2},"z":{"a":1,"b":2}}"#,
            ),
        ] {
            assert_eq!(read_as_json(yaml), json, "{yaml}");
        }
    }

    #[test]
    fn what_no_parameter_takes_is_refused_with_its_path_and_position() {
        for (yaml, says) in [
            ("a: 1\nb:\n  c: 1\n  c: 2\n", ["`b.c` is given twice at line 3 column 3", "leave out one"]),
            ("a: .inf", ["`a` at line 1 column 4 is NaN or infinite", "leave it out"]),
            ("a: [1, .nan]", ["`a` at line 1 column 8 is NaN or infinite", "leave it out"]),
            ("a:\n  <<: 3", ["`a.<<` at line 2 column 3 takes an object", "write `<<: *name`"]),
            ("a: !tag 3", ["`a` at line 1 column 4 has a tag", "without it"]),
            ("- 1", ["expected names with values", "`rows: 3`"]),
        ] {
            let reason = read(yaml).unwrap_err();
            assert!(says.iter().all(|words| reason.contains(words)), "{yaml}: {reason}");
        }
    }
}
