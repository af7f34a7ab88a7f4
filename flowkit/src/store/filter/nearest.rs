//! What somebody may have meant.

use crate::wording::edit_distance;

/// Gives ``; did you mean `state`?`` for the nearest name, or nothing where none is near.
pub(super) fn did_you_mean<'a>(written: &str, names: impl IntoIterator<Item = &'a str>) -> String {
    let nearest = names
        .into_iter()
        .map(|name| (edit_distance(written, name), name))
        // Near is up to a third of the longer word, and one more for short words.
        .filter(|(edits, name)| *edits <= 1 + written.len().max(name.len()) / 3 && *edits < name.len())
        .min_by_key(|(edits, _)| *edits);
    nearest.map_or_else(String::new, |(_, name)| format!("; did you mean `{name}`?"))
}
