//! What a cache key is made of, and how two keys differ. For display only: the cache itself compares whole keys.

use std::fmt;
use std::io;

use serde::{Deserialize, Serialize};

use super::TaskIdentity;
use crate::model::Digest;
use crate::value::canonical::{Sealing, sealed_digest};

/// How much of a value is shown, in bytes of JSON.
const SHOWN_MAX: usize = 80;

/// What a cache key is made of, as it is stored with the result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyParts {
    /// The qualified name of the task.
    pub task: String,
    /// A hash of the source of the task.
    pub source_hash: u64,
    /// The attribute's `version`.
    pub version: Option<String>,
    /// The arguments in order, or the one value of `cache = |…| key`, which is named `key`.
    pub inputs: Vec<KeyInput>,
}

/// A value in a cache key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyInput {
    /// The name of the argument.
    pub name: String,
    /// The digest of the value, with its secrets under a key: equal values have equal digests.
    pub digest: Digest,
    /// The beginning of the value as JSON.
    pub shown: String,
}

#[cfg(feature = "store")]
impl KeyInput {
    /// Describes a value; `None` if it has no digest, in which case there is no key either.
    pub(crate) fn of<T: Serialize + ?Sized>(name: &str, value: &T, sealing: Sealing<'_>) -> Option<Self> {
        let digest = sealed_digest(value, sealing).ok()?;
        let mut beginning = Beginning(Vec::new());
        // Writing fails as soon as there is enough text: a value may be as long as a file.
        let whole = serde_json::to_writer(&mut beginning, value).is_ok();
        let mut shown = String::from_utf8_lossy(&beginning.0).trim_end_matches('\u{fffd}').to_owned();
        if !whole {
            shown.push('…');
        }
        Some(Self { name: name.to_owned(), digest, shown })
    }
}

/// A writer that takes the first [`SHOWN_MAX`] bytes and then fails.
struct Beginning(Vec<u8>);

impl io::Write for Beginning {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match bytes.len().min(SHOWN_MAX - self.0.len()) {
            0 if !bytes.is_empty() => Err(io::ErrorKind::WriteZero.into()),
            room => {
                self.0.extend_from_slice(&bytes[..room]);
                Ok(room)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A difference between a key and an earlier one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// The source of the task has changed.
    Source,
    /// The `version` of the attribute has changed.
    Version {
        /// The earlier one.
        was: Option<String>,
        /// The one of this key.
        is: Option<String>,
    },
    /// An argument has another value.
    Input {
        /// The name of the argument.
        name: String,
        /// The beginning of the earlier value.
        was: String,
        /// The beginning of the value of this key.
        is: String,
    },
    /// The task has a new argument.
    Added {
        /// The name of the argument.
        name: String,
    },
    /// The task no longer has an argument.
    Removed {
        /// The name of the argument.
        name: String,
    },
}

impl KeyParts {
    /// Returns the parts of the key of `task` called with `inputs`.
    pub fn new(task: &TaskIdentity<'_>, inputs: Vec<KeyInput>) -> Self {
        Self {
            task: task.name.to_owned(),
            source_hash: task.source_hash,
            version: task.version.map(str::to_owned),
            inputs,
        }
    }

    /// Whether this key has the same inputs as `other`, by name and content.
    pub fn has_inputs_of(&self, other: &Self) -> bool {
        let of = |parts: &Self| {
            parts.inputs.iter().map(|input| (input.name.clone(), input.digest)).collect::<Vec<_>>()
        };
        of(self) == of(other)
    }

    /// Returns how this key differs from an `earlier` one of the same task; empty if they are equal.
    ///
    /// ```
    /// use flowkit::policy::cache::{Difference, KeyParts, TaskIdentity};
    ///
    /// let load = TaskIdentity { name: "etl::load", source_hash: 7, version: None };
    /// let earlier = KeyParts::new(&load, Vec::new());
    /// let now = KeyParts::new(&TaskIdentity { source_hash: 8, ..load }, Vec::new());
    /// assert_eq!(now.differences_from(&earlier), [Difference::Source]);
    /// ```
    pub fn differences_from(&self, earlier: &Self) -> Vec<Difference> {
        let mut differences = Vec::new();
        if self.source_hash != earlier.source_hash {
            differences.push(Difference::Source);
        }
        if self.version != earlier.version {
            differences.push(Difference::Version { was: earlier.version.clone(), is: self.version.clone() });
        }
        let named = |inputs: &[KeyInput], name: &str| inputs.iter().find(|input| input.name == name).cloned();
        for input in &self.inputs {
            let name = input.name.clone();
            match named(&earlier.inputs, &name) {
                None => differences.push(Difference::Added { name }),
                Some(before) if before.digest != input.digest => {
                    differences.push(Difference::Input { name, was: before.shown, is: input.shown.clone() });
                }
                Some(_) => {}
            }
        }
        for before in &earlier.inputs {
            if named(&self.inputs, &before.name).is_none() {
                differences.push(Difference::Removed { name: before.name.clone() });
            }
        }
        differences
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = |version: &Option<String>| match version {
            Some(version) => format!("\"{version}\""),
            None => "none".to_owned(),
        };
        match self {
            Self::Source => f.write_str("the source of the task has changed"),
            Self::Version { was, is } => {
                write!(f, "`version` was {}, is {}", version(was), version(is))
            }
            Self::Input { name, was, is } if was == is => {
                write!(f, "argument `{name}` differs behind {is}")
            }
            Self::Input { name, was, is } => write!(f, "argument `{name}` was {was}, is {is}"),
            Self::Added { name } => write!(f, "argument `{name}` is new"),
            Self::Removed { name } => write!(f, "argument `{name}` is gone"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest;

    const LOAD: TaskIdentity<'static> = TaskIdentity { name: "etl::load", source_hash: 7, version: None };

    fn input(name: &str, value: &str) -> KeyInput {
        KeyInput { name: name.to_owned(), digest: digest(value).unwrap(), shown: format!("\"{value}\"") }
    }

    fn worded(now: &KeyParts, earlier: &KeyParts) -> Vec<String> {
        now.differences_from(earlier).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn equal_parts_do_not_differ() {
        let parts = KeyParts::new(&LOAD, vec![input("path", "a.csv")]);
        assert_eq!(parts.differences_from(&parts), []);
    }

    #[test]
    fn every_part_that_differs_is_named_with_both_sides() {
        let earlier =
            KeyParts::new(&LOAD, vec![input("path", "a.csv"), input("same", "x"), input("gone", "x")]);
        let task = TaskIdentity { source_hash: 8, version: Some("2"), ..LOAD };
        let now = KeyParts::new(&task, vec![input("path", "b.csv"), input("same", "x"), input("new", "x")]);
        let expected = [
            "the source of the task has changed",
            "`version` was none, is \"2\"",
            "argument `path` was \"a.csv\", is \"b.csv\"",
            "argument `new` is new",
            "argument `gone` is gone",
        ];
        assert_eq!(worded(&now, &earlier), expected);
    }

    #[test]
    fn a_value_is_shown_as_json_and_a_long_one_by_its_beginning() {
        assert_eq!(KeyInput::of("n", &3, Err("".as_ref())).unwrap().shown, "3");
        let long = KeyInput::of("rows", &vec!["ä"; 1000], Err("".as_ref())).unwrap();
        assert!(long.shown.starts_with(r#"["ä","ä""#) && long.shown.ends_with('…'));
        assert!(long.shown.len() <= SHOWN_MAX + '…'.len_utf8());
        assert!(!long.shown.contains('\u{fffd}'), "no character is cut in two");
    }

    #[test]
    fn long_values_that_begin_alike_are_said_to_differ_behind_that() {
        let shown = "[1,2,3…".to_owned();
        let of = |value: &str| KeyInput { shown: shown.clone(), ..input("rows", value) };
        let (earlier, now) = (KeyParts::new(&LOAD, vec![of("a")]), KeyParts::new(&LOAD, vec![of("b")]));
        assert_eq!(worded(&now, &earlier), ["argument `rows` differs behind [1,2,3…"]);
    }
}
