//! The form of a type, for people who enter a value: what it looks like in JSON. Found by the same walk as the shape.
//!
//! This is not a proof: a type may refuse values of its form. Only its own `Deserialize` decides whether a value is valid.

use std::any::type_name;

use serde::Deserialize;

use super::place::{Answer, ShapeFact, ShapeKind, ShapeNode, ShapeStep};
use super::walk::{Limits, Walk};
use super::{DEPTH_PER_ROUND, walk};
use crate::value::secret::{SECRET, is_name_of_one, times_read};

/// The form of a type.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ParamType {
    /// `true` or `false`.
    Bool,
    /// A whole number within these bounds, which are included.
    Integer {
        /// The smallest number.
        min: i128,
        /// The greatest number.
        max: u128,
    },
    /// A number, whole or not.
    Float,
    /// Text, including dates, addresses and other types with a text form.
    Text,
    /// The path of a file or a folder.
    Path,
    /// One of these texts.
    Choice(Vec<&'static str>),
    /// A length of time.
    Duration,
    /// Text that is never shown: a `Secret`, or text with the name of one, such as `password`.
    Secret,
    /// A value of the inner form, or none.
    Optional(Box<ParamType>),
    /// Any number of values of the inner form.
    List(Box<ParamType>),
    /// Values with these names. An alias is a name, too.
    Record(Vec<(&'static str, ParamType)>),
    /// Any other JSON: maps, tuples, enums with values. It contains no secret.
    Anything,
    /// Any other JSON that contains a secret, or may contain one because the type does not show what it reads: untagged enums,
    /// `flatten`.
    Hidden,
}

impl ParamType {
    /// Whether a value of this form may contain a secret, so that it is neither shown nor repeated in messages.
    #[must_use]
    pub fn may_hold_secret(&self) -> bool {
        match self {
            Self::Secret | Self::Hidden => true,
            Self::Optional(inner) | Self::List(inner) => inner.may_hold_secret(),
            Self::Record(fields) => fields.iter().any(|(_, field)| field.may_hold_secret()),
            _ => false,
        }
    }

    /// Returns the form of a value with this name: its text is secret if the name is one of a secret.
    pub(crate) fn under(self, name: &str) -> Self {
        if is_name_of_one(name) {
            self.changed(&|leaf| if leaf == Self::Text { Self::Secret } else { leaf })
        } else {
            self
        }
    }

    /// Changes the innermost forms.
    fn changed(self, change: &dyn Fn(Self) -> Self) -> Self {
        let boxed = |inner: Box<Self>| Box::new(inner.changed(change));
        match self {
            Self::Optional(inner) => Self::Optional(boxed(inner)),
            Self::List(item) => Self::List(boxed(item)),
            Self::Record(fields) => {
                let fields = fields.into_iter().map(|(name, field)| (name, field.changed(change)));
                Self::Record(fields.collect())
            }
            leaf => change(leaf),
        }
    }
}

/// Returns the form of `T`.
///
/// # Panics
/// Only if the `Deserialize` of a user does; see [`shape_of`](super::shape_of).
#[must_use]
pub fn param_type_of<T: Deserialize<'static>>() -> ParamType {
    let before = times_read();
    let walk = walk::<T>(Limits { depth: DEPTH_PER_ROUND, same_name: 1 });
    // If the walk has not seen everything, there may be a secret in the rest.
    let is_open = times_read() == before && walk.has_seen_all();
    let found = inside(&walk, Answer { place: 0, way: 0 }, ShapeStep::At(0));
    // To serde a path is text like any other; only the name of the type shows it.
    let is_path = type_name::<T>().contains("std::path::Path") && !matches!(found, ParamType::Record(_));
    found.changed(&|leaf| match leaf {
        ParamType::Text if is_path => ParamType::Path,
        ParamType::Anything if !is_open => ParamType::Hidden,
        leaf => leaf,
    })
}

/// Returns the form of the place behind an answer; `Anything` if there are several, because it depends on other answers.
fn inside(walk: &Walk, answer: Answer, edge: ShapeStep) -> ParamType {
    let Some(way) = walk.place(answer.place).ways.get(answer.way) else { return ParamType::Anything };
    let mut places = way.inside.iter().filter(|((at, _), _)| *at == edge).map(|(_, place)| *place);
    match (places.next(), places.next()) {
        (Some(place), None) => of_place(walk, place),
        _ => ParamType::Anything,
    }
}

fn of_place(walk: &Walk, index: usize) -> ParamType {
    let place = walk.place(index);
    let within = || Box::new(inside(walk, Answer { place: index, way: 0 }, ShapeStep::At(0)));
    let integer = |min, max| ParamType::Integer { min, max };
    match place.fact.kind {
        ShapeKind::Bool => ParamType::Bool,
        ShapeKind::I8 => integer(i8::MIN.into(), i8::MAX.unsigned_abs().into()),
        ShapeKind::I16 => integer(i16::MIN.into(), i16::MAX.unsigned_abs().into()),
        ShapeKind::I32 => integer(i32::MIN.into(), i32::MAX.unsigned_abs().into()),
        ShapeKind::I64 => integer(i64::MIN.into(), i64::MAX.unsigned_abs().into()),
        ShapeKind::I128 => integer(i128::MIN, i128::MAX.unsigned_abs()),
        ShapeKind::U8 => integer(0, u8::MAX.into()),
        ShapeKind::U16 => integer(0, u16::MAX.into()),
        ShapeKind::U32 => integer(0, u32::MAX.into()),
        ShapeKind::U64 => integer(0, u64::MAX.into()),
        ShapeKind::U128 => integer(0, u128::MAX),
        ShapeKind::F32 | ShapeKind::F64 => ParamType::Float,
        ShapeKind::Char => ParamType::Text,
        ShapeKind::Text => place.variants.map_or(ParamType::Text, |texts| ParamType::Choice(texts.to_vec())),
        ShapeKind::Option => ParamType::Optional(within()),
        ShapeKind::Newtype if place.fact.name == SECRET => ParamType::Secret,
        ShapeKind::Newtype => *within(),
        ShapeKind::Sequence => ParamType::List(within()),
        ShapeKind::Struct => record(walk, index),
        ShapeKind::Enum if is_plain(walk, place, index) => ParamType::Choice(place.fact.names.to_vec()),
        _ => ParamType::Anything,
    }
}

fn record(walk: &Walk, index: usize) -> ParamType {
    let place = walk.place(index);
    // The serde form of `std::time::Duration`.
    if place.fact.name == "Duration" && place.fact.names == ["secs", "nanos"] {
        return ParamType::Duration;
    }
    let Some(way) = place.ways.first() else { return ParamType::Anything };
    let mut fields: Vec<(&'static str, ParamType)> = Vec::new();
    for name in place.fact.names {
        // The names of one field are adjacent, and only the first of them was asked for.
        let is_alias = way.inside.contains_key(&(ShapeStep::Field(name), ShapeFact::of(ShapeKind::Alias)));
        let param_type = match fields.last() {
            Some((_, same)) if is_alias => same.clone(),
            _ => inside(walk, Answer { place: index, way: 0 }, ShapeStep::Field(name)).under(name),
        };
        fields.push((name, param_type));
    }
    ParamType::Record(fields)
}

/// Whether no variant of an enum has content.
fn is_plain(walk: &Walk, place: &ShapeNode, index: usize) -> bool {
    !place.ways.is_empty()
        && (0..place.ways.len()).all(|way| {
            let inside = &walk.place(index).ways[way].inside;
            !inside.is_empty() && inside.keys().all(|(_, fact)| fact.kind == ShapeKind::UnitVariant)
        })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::IpAddr;
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;
    use crate::value::secret::Secret;

    #[derive(serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    #[allow(dead_code, reason = "only its form matters")]
    enum Mode {
        Full,
        Incremental,
    }

    #[derive(serde::Deserialize)]
    #[allow(dead_code, reason = "only its form matters")]
    enum Source {
        File(String),
        Nothing,
    }

    #[derive(serde::Deserialize)]
    #[allow(dead_code, reason = "only its form matters")]
    struct Database {
        #[serde(alias = "address")]
        url: String,
        #[serde(default)]
        pool: u8,
        mode: Option<Mode>,
    }

    #[derive(serde::Deserialize)]
    #[allow(dead_code, reason = "only its form matters")]
    struct Tree {
        inner: Vec<Tree>,
    }

    #[derive(serde::Deserialize)]
    #[allow(dead_code, reason = "only its form matters")]
    struct Metres(f64);

    fn list(inner: ParamType) -> ParamType {
        ParamType::List(Box::new(inner))
    }

    #[test]
    fn the_form_of_a_type_is_what_its_json_looks_like() {
        let modes = || ParamType::Choice(vec!["full", "incremental"]);
        let cases = [
            (param_type_of::<bool>(), ParamType::Bool),
            (param_type_of::<u8>(), ParamType::Integer { min: 0, max: 255 }),
            (param_type_of::<std::num::NonZeroU8>(), ParamType::Integer { min: 0, max: 255 }),
            (param_type_of::<i64>(), ParamType::Integer { min: i64::MIN.into(), max: i64::MAX as u128 }),
            (param_type_of::<u128>(), ParamType::Integer { min: 0, max: u128::MAX }),
            (param_type_of::<Metres>(), ParamType::Float),
            (param_type_of::<PathBuf>(), ParamType::Path),
            (param_type_of::<Vec<PathBuf>>(), list(ParamType::Path)),
            (param_type_of::<IpAddr>(), ParamType::Text),
            (param_type_of::<char>(), ParamType::Text),
            (param_type_of::<Duration>(), ParamType::Duration),
            (param_type_of::<Mode>(), modes()),
            (param_type_of::<Vec<Mode>>(), list(modes())),
            (param_type_of::<Option<Duration>>(), ParamType::Optional(Box::new(ParamType::Duration))),
            (param_type_of::<Source>(), ParamType::Anything),
            (param_type_of::<BTreeMap<String, u8>>(), ParamType::Anything),
            (param_type_of::<(u8, u8)>(), ParamType::Anything),
            (param_type_of::<serde_json::Value>(), ParamType::Hidden),
            (param_type_of::<Tree>(), ParamType::Record(vec![("inner", list(ParamType::Hidden))])),
        ];
        for (found, expected) in cases {
            assert_eq!(found, expected);
        }
    }

    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    #[allow(dead_code, reason = "only its form matters")]
    enum Either {
        Name(String),
        Key { inside: Secret },
    }

    #[derive(serde::Deserialize)]
    #[allow(dead_code, reason = "only its form matters")]
    struct Flat {
        #[serde(flatten)]
        database: Database,
    }

    #[derive(serde::Deserialize)]
    #[allow(dead_code, reason = "only its form matters")]
    enum Login {
        Nobody,
        Basic { user: String, password: Secret },
    }

    #[derive(serde::Deserialize)]
    #[allow(dead_code, reason = "only its form matters")]
    struct Deep {
        headers: BTreeMap<String, Secret>,
        password: Option<String>,
    }

    #[test]
    fn a_value_that_may_hold_a_secret_is_known_wherever_that_stands() {
        for holds in [
            param_type_of::<Secret>(),
            param_type_of::<Option<Vec<Secret>>>(),
            param_type_of::<BTreeMap<String, Secret>>(),
            param_type_of::<(u8, Secret)>(),
            param_type_of::<Login>(),
            param_type_of::<Vec<Login>>(),
            param_type_of::<Deep>(),
            // They do not tell what they read.
            param_type_of::<Either>(),
            param_type_of::<Flat>(),
        ] {
            assert!(holds.may_hold_secret(), "{holds:?}");
        }
        for free in
            [param_type_of::<Database>(), param_type_of::<Source>(), param_type_of::<BTreeMap<String, u8>>()]
        {
            assert!(!free.may_hold_secret(), "{free:?}");
        }
        let ParamType::Record(fields) = param_type_of::<Deep>() else { panic!("no record") };
        assert_eq!(fields[0].1, ParamType::Hidden);
        assert_eq!(fields[1].1, ParamType::Optional(Box::new(ParamType::Secret)));
    }

    #[test]
    fn a_struct_has_its_fields_under_each_of_their_names() {
        let ParamType::Record(fields) = param_type_of::<Database>() else { panic!("no record") };
        let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["address", "url", "pool", "mode"]);
        assert_eq!((&fields[0].1, &fields[1].1), (&ParamType::Text, &ParamType::Text));
        assert_eq!(fields[2].1, ParamType::Integer { min: 0, max: 255 });
    }
}
