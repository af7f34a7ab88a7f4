//! Arguments in a few words: `urls=4 dry_run=false`. Not a way to read them: `show` has them in full.

use std::fmt;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::graph::text::visible;
use crate::terminal::line::shortened;

/// A longer value is cut.
const VALUE_COLUMNS: usize = 24;

/// Returns the arguments in `json`, an object, in a few words: of a list its length, of a struct only that it is one.
pub(super) fn parameters(json: &str) -> String {
    let Ok(Pairs(parameters)) = serde_json::from_str(json) else { return String::new() };
    let words = parameters.iter().map(|(name, value)| format!("{}={}", visible(name), short(value)));
    words.collect::<Vec<_>>().join(" ")
}

/// The pairs of an object in the order in which they were written, which is that of the flow's signature.
struct Pairs(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Pairs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Pairs, M::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(Object)
    }
}

fn short(value: &Value) -> String {
    match value {
        Value::Array(items) => items.len().to_string(),
        Value::Object(fields) => duration(fields).unwrap_or_else(|| "{…}".to_owned()),
        Value::Null => "none".to_owned(),
        Value::String(text) => {
            let text = visible(text);
            let text = if text.is_empty() || text.contains(' ') { format!("\"{text}\"") } else { text };
            shortened(&text, VALUE_COLUMNS)
        }
        other => other.to_string(),
    }
}

/// Returns a `Duration`, which serde writes as a struct, as people write it.
fn duration(fields: &Map<String, Value>) -> Option<String> {
    let (secs, nanos) = (fields.get("secs")?.as_u64()?, fields.get("nanos")?.as_u64()?);
    let nanos = u32::try_from(nanos).ok().filter(|nanos| *nanos < 1_000_000_000 && fields.len() == 2)?;
    Some(format!("{:?}", Duration::new(secs, nanos)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_written_as_people_write_it() {
        let json = r#"{"wait":{"secs":1,"nanos":500000000},"other":{"secs":1,"nanos":0,"more":1}}"#;
        assert_eq!(parameters(json), "wait=1.5s other={…}");
    }

    #[test]
    fn lists_are_counted_and_long_texts_are_cut() {
        let json = r#"{"urls":["a","b"],"dry_run":false,"db":{"url":"x"},"tag":null,"note":"a b","rows":3}"#;
        assert_eq!(parameters(json), "urls=2 dry_run=false db={…} tag=none note=\"a b\" rows=3".to_owned());
        let long = format!(r#"{{"text":"{}"}}"#, "x".repeat(100));
        assert_eq!(parameters(&long), format!("text={}…", "x".repeat(23)));
        assert_eq!(parameters("[1]"), "");
    }
}
