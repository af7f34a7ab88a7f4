//! When a log line matches a search: one rule for every store, so that a search finds the same in all.
//!
//! Pure. A word consists of letters and digits; case does not matter, and a prefix of a word matches it: `conn` finds
//! `Connection reset`. Text without a word, such as `=>`, is searched for literally.

/// The words of a search.
#[derive(Debug)]
pub(crate) enum Words {
    /// All of them must match, in any order.
    All(Vec<String>),
    /// The literal text.
    Verbatim(String),
}

impl Words {
    /// Parses what a user typed.
    pub(crate) fn of(text: &str) -> Self {
        let words: Vec<String> = words(text).map(str::to_lowercase).collect();
        if words.is_empty() { Self::Verbatim(text.to_owned()) } else { Self::All(words) }
    }

    /// Whether `message` matches.
    pub(crate) fn are_in(&self, message: &str) -> bool {
        match self {
            Self::Verbatim(text) => message.contains(text),
            Self::All(wanted) => {
                let there: Vec<String> = words(message).map(str::to_lowercase).collect();
                wanted.iter().all(|wanted| there.iter().any(|word| word.starts_with(wanted)))
            }
        }
    }
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_alphanumeric()).filter(|word| !word.is_empty())
}
