//! Shortens texts that are shown together, so that those that differ still look different. Pure.

use std::collections::HashMap;

use super::columns::{columns, shortened, split, tail};

/// After this many rounds, texts that still look alike stay so: each round shows more of what they do not share.
const ROUNDS: usize = 8;

/// How many characters that several texts share are shown before the first that they do not.
const SHARED: usize = 2;

/// Returns `text` in at most `width` columns, with `…` in its middle if that is not all of it: names that are made of parts
/// begin alike and end with what is their own.
pub(crate) fn cut_in_the_middle(text: &str, width: usize) -> String {
    if columns(text) <= width || width < 3 {
        return shortened(text, width);
    }
    let (head, _) = split(text, (width - 1) / 3);
    let tail = tail(text, width - 1 - columns(head));
    format!("{}…{}", head.trim_end(), tail.trim_start())
}

/// Returns the texts in at most `width` columns each. Different texts look different, unless they share nearly everything.
pub(crate) fn apart(texts: &[&str], width: usize) -> Vec<String> {
    let mut short: Vec<String> = texts.iter().map(|text| cut_in_the_middle(text, width)).collect();
    for _ in 0..ROUNDS {
        let mut alike = HashMap::<&str, Vec<usize>>::new();
        for (index, text) in short.iter().enumerate() {
            alike.entry(text).or_default().push(index);
        }
        let differ = |group: &Vec<usize>| group.iter().any(|index| texts[*index] != texts[group[0]]);
        let alike: Vec<Vec<usize>> = alike.into_values().filter(differ).collect();
        if alike.is_empty() {
            break;
        }
        for group in alike {
            let shared =
                group.iter().fold(texts[group[0]], |shared, index| shared_start(shared, texts[*index]));
            group.iter().for_each(|index| short[*index] = from(texts[*index], shared.len(), width));
        }
    }
    short
}

/// Returns what both begin with.
fn shared_start<'t>(one: &'t str, other: &str) -> &'t str {
    let mut end = one.len().min(other.len());
    for ((at, c), d) in one.char_indices().zip(other.chars()) {
        if c != d {
            end = at;
            break;
        }
    }
    &one[..end]
}

/// Returns the part of `text` around the byte `at`, in at most `width` columns.
fn from(text: &str, at: usize, width: usize) -> String {
    let before = text[..at].char_indices().rev().take(SHARED).last().map_or(0, |(start, _)| start);
    let rest = &text[before..];
    if columns(rest) < width {
        return format!("…{}", tail(text, width.saturating_sub(1)));
    }
    format!("…{}", shortened(rest, width.saturating_sub(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_keeps_its_beginning_and_more_of_its_end() {
        let name = "NFCORE_RNASEQ:RNASEQ:ALIGN_STAR:BAM_SORT:SAMTOOLS_INDEX (sample_7)";
        assert_eq!(cut_in_the_middle(name, 32), "NFCORE_RNA…OOLS_INDEX (sample_7)");
        assert_eq!(cut_in_the_middle("short", 32), "short");
        assert_eq!(cut_in_the_middle("データ取得データ取得", 9), "デ…タ取得");
    }

    #[test]
    fn names_that_differ_only_where_they_are_cut_show_where() {
        let names = [
            "NFCORE:RNASEQ:QUANTIFY_STAR:CUSTOM_TX2GENE:INDEX",
            "NFCORE:RNASEQ:QUANTIFY_RSEM:CUSTOM_TX2GENE:INDEX",
        ];
        let short = apart(&names, 24);
        assert_eq!(short, ["…Y_STAR:CUSTOM_TX2GENE:…", "…Y_RSEM:CUSTOM_TX2GENE:…"]);
        let many: Vec<String> =
            (0..300).map(|k| format!("{}{k:03}{}", "a".repeat(40), "b".repeat(40))).collect();
        let mut short = apart(&many.iter().map(String::as_str).collect::<Vec<_>>(), 32);
        assert!(short.iter().all(|name| columns(name) <= 32));
        short.sort();
        short.dedup();
        assert_eq!(short.len(), 300);
        assert_eq!(apart(&["x", "x"], 5), ["x", "x"]);
    }

    #[test]
    fn a_name_that_is_the_beginning_of_another_looks_different() {
        let long = "a".repeat(60);
        let short = apart(&[&long, &long[..50], &format!("{long}{long}b")], 20);
        assert!(short[2].ends_with('b') && short.iter().all(|name| columns(name) <= 20), "{short:?}");
    }
}
