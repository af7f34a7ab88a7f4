//! What it means that a log line has words in it: one rule for every store, so that a search finds the same in all.
//!
//! Pure. A word is letters and digits; case does not matter, and the beginning of a word finds it: `conn` finds
//! `Connection reset`. Text without a word in it, such as `=>`, is looked for as it stands.

/// The words of a search.
#[derive(Debug)]
pub(crate) enum Words {
    /// All of them must be found, in any order.
    All(Vec<String>),
    /// The text as it stands.
    Verbatim(String),
}

impl Words {
    /// Reads what somebody typed.
    pub(crate) fn of(text: &str) -> Self {
        let words: Vec<String> = words(text).map(str::to_lowercase).collect();
        if words.is_empty() { Self::Verbatim(text.to_owned()) } else { Self::All(words) }
    }

    /// Whether they are in `message`.
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
