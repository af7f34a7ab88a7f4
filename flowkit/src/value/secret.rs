//! Text that is never shown: a password, a token. This is no encryption: in memory it is plain text.

use std::cell::Cell;
use std::fmt;

use serde::de::{Deserializer, Error, Visitor};
use serde::{Deserialize, Serialize, Serializer};

/// The name of a secret as a newtype of serde, by which serializers and deserializers recognise it.
pub(crate) const SECRET: &str = "flowkit::Secret";

/// What is printed and persisted instead of a secret.
pub(crate) const MASK: &str = "***";

/// The errors of deserializing a secret. Neither repeats the input.
const NO_TEXT: &str = "a secret is text";
const NO_RECORD: &str = "it is a secret, which is not recorded; give it again";

thread_local! {
    /// The number of secrets that were deserialized on this thread.
    static READ: Cell<u64> = const { Cell::new(0) };
}

/// Returns how many secrets were deserialized on this thread. If the number grows while a type is deserialized, the type contains a
/// secret, even behind a buffer of serde (`flatten`, untagged enums).
pub(crate) fn times_read() -> u64 {
    READ.get()
}

/// Whether text with this name is likely to be a secret although its type does not say so: the last word of the name is one of a
/// few. (A `token_url` is not a token.)
pub(crate) fn is_name_of_one(name: &str) -> bool {
    const WORDS: [&str; 8] =
        ["token", "secret", "password", "passwd", "passphrase", "key", "auth", "credential"];
    let is_start = |(at, c): &(usize, char)| {
        let before = name[..*at].chars().next_back();
        before.is_some_and(|before| !before.is_alphanumeric() || before.is_lowercase() && c.is_uppercase())
    };
    let start = name.char_indices().rfind(is_start).map_or(0, |(at, _)| at);
    let word = name[start..].to_lowercase();
    WORDS.contains(&word.as_str()) || WORDS.contains(&word.strip_suffix('s').unwrap_or(&word))
}

/// Whether the message of a deserialization error cannot repeat the value: a missing field, or an error of a secret.
pub(crate) fn repeats_no_value(error: &str) -> bool {
    let field = error.strip_prefix("missing field `").and_then(|rest| rest.strip_suffix('`'));
    let is_name = |name: &str| name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-');
    field.is_some_and(is_name) || [NO_TEXT, NO_RECORD].contains(&error)
}

/// Whether a value contains a masked secret.
#[cfg(feature = "store")]
pub(crate) fn is_masked(value: &super::json::Json) -> bool {
    use super::json::Json;

    match value {
        Json::Text(text) => text == MASK,
        Json::List(items) => items.iter().any(is_masked),
        Json::Object(members) => members.values().any(is_masked),
        _ => false,
    }
}

/// Text that is never printed and never persisted: as a parameter of a flow, it is `***` in every record.
///
/// `Debug`, `Display` and `Serialize` write `***`; only [`expose`](Self::expose) returns the text. It deserializes from text, but
/// not from `***`, so a resumed run needs the secret again: from `FLOWKIT_PARAM_<NAME>`, a file, or `etl(…).resuming(id)`.
///
/// A keyed digest of each secret is part of the identity of a call and of its cache key, so two tenants never share a result, and
/// the digest does not reveal the secret. After a password was changed, calls that take it run again; a call that may run at most
/// once and has begun is refused. Use `#[task(ignore(token))]` if the secret does not change the result. A task should not return
/// a secret: such a result cannot be persisted.
///
/// A value that is not text is parsed where it is used: `token.expose().parse::<u64>()`. The text is not wiped from memory when
/// the secret is dropped.
///
/// ```
/// let token = flowkit::Secret::new("abc");
/// assert_eq!(format!("{token:?} {token}"), "*** ***");
/// assert_eq!(token.expose(), "abc");
/// ```
#[derive(Clone)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// Returns the text itself. Do not print it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// Takes constant time: it compares digests, and blake3 compares these in constant time.
impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        blake3::hash(self.0.as_bytes()) == blake3::hash(other.0.as_bytes())
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(SECRET, &Hidden(&self.0))
    }
}

/// The content of a secret for serializers: the mask, except for the serializer that makes a keyed digest.
pub(crate) struct Hidden<'a>(&'a str);

thread_local! {
    static REVEALS: Cell<bool> = const { Cell::new(false) };
}

/// Makes the secret with which `write` begins serialize its text instead of the mask.
pub(crate) fn revealed<R>(write: impl FnOnce() -> R) -> R {
    REVEALS.set(true);
    let written = write();
    REVEALS.set(false);
    written
}

impl Serialize for Hidden<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Reset before any other code can run.
        serializer.serialize_str(if REVEALS.take() { self.0 } else { MASK })
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        READ.set(READ.get().wrapping_add(1));
        match deserializer.deserialize_newtype_struct(SECRET, Text) {
            Ok(text) if text == MASK => Err(D::Error::custom(NO_RECORD)),
            Ok(text) => Ok(Self(text)),
            // The format's own error may repeat the input.
            Err(_) => Err(D::Error::custom(NO_TEXT)),
        }
    }
}

/// Takes text, whether the format passes the content of a newtype directly or as a newtype.
struct Text;

impl<'de> Visitor<'de> for Text {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a secret")
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, value: D) -> Result<String, D::Error> {
        String::deserialize(value)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<String, E> {
        Ok(text.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use serde::de::IntoDeserializer as _;
    use serde::de::value::{Error as Plain, StrDeserializer};

    use super::*;
    use crate::value::shape::{ParamType, param_type_of};

    fn read<T: for<'de> Deserialize<'de>>(json: &str) -> Result<T, String> {
        serde_json::from_str(json).map_err(|error| error.to_string())
    }

    #[test]
    fn a_secret_is_read_and_never_shown() {
        let token: Secret = read("\"abc\"").unwrap();
        assert_eq!(token.expose(), "abc");
        assert_eq!(serde_json::to_string(&token).unwrap(), "\"***\"");
        assert_eq!(format!("{token:?} {token:#?} {token}"), "*** *** ***");
        // A format that knows no names.
        let text: StrDeserializer<'_, Plain> = "abc".into_deserializer();
        assert_eq!(Secret::deserialize(text).unwrap().expose(), "abc");
    }

    #[test]
    fn what_is_written_in_its_place_is_not_read_as_the_secret() {
        for error in [
            read::<Secret>("\"***\"").unwrap_err(),
            read::<Option<Secret>>("\"***\"").unwrap_err(),
            read::<Vec<Secret>>("[\"***\"]").unwrap_err(),
        ] {
            assert!(error.contains("give it again"), "{error}");
        }
    }

    #[test]
    fn what_is_read_in_the_place_of_a_secret_is_not_repeated_in_the_error() {
        for json in ["271828", "-271828", "27.1828", "[271828]", "{\"271828\": 1}", "true"] {
            let error = read::<Secret>(json).unwrap_err();
            assert!(error.starts_with("a secret is text"), "{error}");
        }
    }

    #[test]
    fn a_name_is_that_of_a_secret_by_its_last_word() {
        for name in ["token", "api_key", "apiKey", "DB_PASSWORD", "basic-auth", "tokens", "credentials"] {
            assert!(is_name_of_one(name), "{name}");
        }
        for name in
            ["author", "monkey", "token_url", "keys_of", "max_tokens_per_day", "passenger", "", "key_"]
        {
            assert!(!is_name_of_one(name), "{name}");
        }
    }

    #[test]
    fn two_secrets_are_equal_if_their_texts_are() {
        assert_eq!(Secret::new("abc"), Secret::from("abc"));
        assert_ne!(Secret::new("abc"), Secret::from("abd".to_owned()));
    }

    #[test]
    fn a_reader_can_tell_a_secret_from_other_text() {
        assert_eq!(param_type_of::<Secret>(), ParamType::Secret);
        assert_eq!(param_type_of::<Option<Secret>>(), ParamType::Optional(Box::new(ParamType::Secret)));
    }
}
