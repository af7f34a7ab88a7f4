//! Arguments in a few words: `urls=4 dry_run=false`. `show` has them in full.

use serde_json::value::RawValue;

use crate::flow::arguments::duration;
use crate::text::columns::{shortened, visible};
use crate::value::json::{Json, members};

/// A longer value is cut.
const VALUE_COLUMNS: usize = 24;

/// Returns the arguments in `json`, an object, in a few words: a list as its length, a struct as `{…}`.
pub(super) fn parameters(json: &str) -> String {
    let arguments = members(json).unwrap_or_default();
    let words = arguments.iter().map(|(name, value)| format!("{}={}", visible(name), short(value)));
    words.collect::<Vec<_>>().join(" ")
}

fn short(value: &RawValue) -> String {
    let value = Json::recorded(value.get()).unwrap_or_default();
    match &value {
        Json::List(items) => items.len().to_string(),
        Json::Object(_) => duration(&value).map_or_else(|| "{…}".to_owned(), |length| format!("{length:?}")),
        Json::Null => "none".to_owned(),
        Json::Text(text) => {
            let text = visible(text);
            let text = if text.is_empty() || text.contains(' ') { format!("\"{text}\"") } else { text };
            shortened(&text, VALUE_COLUMNS)
        }
        other => other.to_string(),
    }
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
