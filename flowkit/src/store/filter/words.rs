//! Splits a filter into words: at spaces, but not inside quotation marks.

use super::FilterError;

/// A word of a filter.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// Text without a key.
    Free { text: String, is_quoted: bool },
    /// `key:value,value`.
    Keyed { key: String, values: Vec<String>, is_quoted: bool },
}

/// Splits `text` into words. Inside quotation marks, `\"` and `\\` stand for the marks themselves.
pub(super) fn words(text: &str) -> Result<Vec<Word>, FilterError> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let key = key_of(rest);
        if let Some(key) = key {
            rest = &rest[key.len() + 1..];
        }
        let (values, after) = values(rest, key.is_some())?;
        let is_quoted = rest[..rest.len() - after.len()].contains('"');
        match key {
            Some(key) => words.push(Word::Keyed { key: key.to_ascii_lowercase(), values, is_quoted }),
            None => words.extend(values.into_iter().map(|text| Word::Free { text, is_quoted })),
        }
        rest = after.trim_start();
    }
    Ok(words)
}

/// Returns the key at the beginning of `text`: letters before a colon. `12:30` and `a::b` have none.
fn key_of(text: &str) -> Option<&str> {
    let (key, after) = text.split_once(':')?;
    let is_key = !key.is_empty() && key.chars().all(|letter| letter.is_alphabetic() || letter == '_');
    (is_key && !after.starts_with(':')).then_some(key)
}

/// Reads values up to the next space, separated by commas where there may be several. Returns the rest.
fn values(text: &str, may_be_several: bool) -> Result<(Vec<String>, &str), FilterError> {
    let mut values = Vec::new();
    let mut value = String::new();
    let mut letters = text.char_indices();
    let mut after = "";
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => loop {
                match letters.next() {
                    Some((_, '"')) => break,
                    Some((_, '\\')) => value.extend(letters.next().map(|(_, letter)| letter)),
                    Some((_, letter)) => value.push(letter),
                    None => return Err(FilterError::Unclosed { rest: text[at..].to_owned() }),
                }
            },
            ',' if may_be_several => values.push(std::mem::take(&mut value)),
            letter if letter.is_whitespace() => {
                after = &text[at..];
                break;
            }
            letter => value.push(letter),
        }
    }
    values.push(value);
    values.retain(|value| !value.is_empty());
    Ok((values, after))
}
