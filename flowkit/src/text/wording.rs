//! Wording that several messages share: lists, counts, and "did you mean". Pure.

/// Persisted text of a user is cut after this many bytes: a log line, the message of an error or a panic, the reason for a
/// skip.
pub(crate) const TEXT_MAX: usize = 64 << 10;

/// Cuts a text at [`TEXT_MAX`], between two characters, and appends how long it was.
pub(crate) fn bounded(text: String) -> String {
    bounded_to(TEXT_MAX, text)
}

pub(crate) fn bounded_to(max: usize, text: String) -> String {
    if text.len() <= max {
        return text;
    }
    let end = (0..=max).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    format!("{}… and {} more of {} bytes", &text[..end], text.len() - end, text.len())
}

/// Lists names as `` `a`, `b` and `c` ``.
pub(crate) fn list<S: AsRef<str>>(names: impl IntoIterator<Item = S>) -> String {
    let mut quoted: Vec<String> = names.into_iter().map(|name| format!("`{}`", name.as_ref())).collect();
    match quoted.pop() {
        None => String::new(),
        Some(only) if quoted.is_empty() => only,
        Some(last) => format!("{} and {last}", quoted.join(", ")),
    }
}

/// Returns a count with its noun: `1 task`, `2 tasks`.
pub(crate) fn counted(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// Finds the name that is the fewest edits away; of several, the first.
///
/// At most a third of the longer word may differ, plus one edit. A single letter is near to no name.
pub(crate) fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near =
        names.into_iter().map(|name| (strsim::levenshtein(typed, name), name)).filter(|(edits, name)| {
            let longer = typed.len().max(name.len());
            *edits <= (1 + longer / 3).min(longer.saturating_sub(1))
        });
    near.min_by_key(|(edits, _)| *edits).map(|(_, name)| name)
}

/// Returns ``; did you mean `state`?`` for the nearest name, or nothing if none is near.
pub(crate) fn did_you_mean<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    nearest(typed, names).map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_between_characters_and_says_how_long_it_was() {
        assert_eq!(bounded("short".into()), "short");
        let long = format!("{}ü{}", "a".repeat(TEXT_MAX - 1), "b".repeat(9));
        let cut = bounded(long);
        let end = &cut[cut.len() - 40..];
        assert!(cut.starts_with("aaa") && end.ends_with("a… and 11 more of 65546 bytes"), "{end}");
    }

    #[test]
    fn lists_read_like_sentences() {
        assert_eq!(list([""; 0]), "");
        assert_eq!(list(["a"]), "`a`");
        assert_eq!(list(["a", "b", "c"]), "`a`, `b` and `c`");
    }

    #[test]
    fn the_nearest_name_is_found_and_a_far_one_is_not() {
        let names = ["urls", "top", "x"];
        let cases = [("tpo", Some("top")), ("url", Some("urls")), ("colour", None), ("y", None), ("", None)];
        for (typed, name) in cases {
            assert_eq!(nearest(typed, names), name, "{typed}");
        }
    }
}
