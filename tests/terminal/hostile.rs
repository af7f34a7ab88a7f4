//! Texts that others chose, on a real terminal: whatever is in names, messages and parameters, every verb writes only the
//! escapes that are flowkit's own.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::emulator::{Shown, Terminal};
use crate::hostile_texts::TEXTS;

fn program(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hostile"));
    command.current_dir(folder);
    for (key, _) in std::env::vars_os() {
        if key.to_string_lossy().starts_with("FLOWKIT_") {
            command.env_remove(key);
        }
    }
    command
}

fn on_terminal(folder: &Path, words: &[&str]) -> Shown {
    let mut command = program(folder);
    // Links are escapes as well.
    command.args(words).env("FORCE_HYPERLINK", "1");
    Terminal::run(command, 120, 40).end()
}

/// What a terminal receives besides text.
#[derive(Debug, PartialEq)]
enum Told {
    /// A control character that is not the beginning of anything known.
    Control(char),
    /// `ESC [ parameters final`.
    Sequence(String),
    /// `ESC ] 8 ; ; address ESC \`.
    Link(String),
}

/// Finds all that is not text.
fn told(text: &str) -> Vec<Told> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_control() && !"\r\n".contains(c)) {
        rest = &rest[at..];
        let sequence = rest.strip_prefix("\u{1b}[").and_then(|inner| {
            let end = inner.find(|c: char| ('\u{40}'..='\u{7e}').contains(&c))?;
            Some((Told::Sequence(inner[..=end].to_owned()), 2 + end + 1))
        });
        let link = rest.strip_prefix("\u{1b}]8;;").and_then(|inner| {
            let end = inner.find("\u{1b}\\")?;
            Some((Told::Link(inner[..end].to_owned()), 5 + end + 2))
        });
        let control = rest.chars().next().unwrap();
        let (one, length) = sequence.or(link).unwrap_or((Told::Control(control), control.len_utf8()));
        found.push(one);
        rest = &rest[length..];
    }
    found
}

/// Colours and weights, and while a run is drawn the cursor and what is erased. None of the texts has one of these.
fn is_own(told: &Told) -> bool {
    match told {
        Told::Control(_) => false,
        Told::Link(address) => address.chars().all(|c| c.is_ascii_graphic()),
        Told::Sequence(sequence) => {
            let (parameters, last) = sequence.split_at(sequence.len() - 1);
            let is_number = parameters.chars().all(|c| c.is_ascii_digit());
            match last {
                "m" => parameters.split(';').all(|one| ["", "0", "1", "2"].contains(&one) || is_colour(one)),
                "h" | "l" => parameters == "?2026",
                "K" | "A" | "G" => is_number,
                "J" => parameters.is_empty() || parameters == "0",
                _ => false,
            }
        }
    }
}

fn is_colour(one: &str) -> bool {
    one.parse().is_ok_and(|number: u8| (31..=37).contains(&number) || (90..=96).contains(&number))
}

#[track_caller]
fn assert_tame(bytes: &[u8], about: &str) {
    let text = String::from_utf8_lossy(bytes);
    let foreign: Vec<_> = told(&text).into_iter().filter(|told| !is_own(told)).collect();
    assert!(foreign.is_empty(), "{about}: {foreign:?} in {text:?}");
    let hidden = "\u{202e}\u{202c}\u{2066}\u{2069}\u{200b}\u{feff}\u{ad}\u{2028}\u{2029}\u{85}";
    assert!(!text.contains(|c| hidden.contains(c)), "{about}: {text:?}");
}

/// The same, and no line begins like one of flowkit's.
#[track_caller]
fn assert_tame_and_not_forged(bytes: &[u8], about: &str) {
    assert_tame(bytes, about);
    let text = String::from_utf8_lossy(bytes);
    for line in text.split(['\r', '\n']) {
        let is_forged =
            line.starts_with("2026-01-01T00:00:00.000000Z INFO forged") || line.starts_with("✓ forged");
        assert!(!is_forged, "{about}: {text:?}");
    }
}

const VERBS: &[&[&str]] = &[
    &["runs"],
    &["list"],
    &["show"],
    &["show", "last", "says"],
    &["show", "last", "fails"],
    &["show", "last", "--slow"],
    &["logs"],
    &["logs", "last", "says"],
    &["watch"],
    &["artifacts"],
    &["compare", "last", "last~1"],
    &["diff"],
    &["graph"],
    &["graph", "last", "--format", "dot"],
    &["graph", "last", "--format", "mermaid"],
    &["graph", "last", "--format", "svg"],
    &["graph", "last", "--format", "json"],
    &["explain-cache"],
    &["doctor"],
    &["resume", "last", "--dry-run"],
    &["retry", "last", "--dry-run"],
    &["rerun", "last", "--from", "says", "--dry-run"],
    &["run", "attack", "--like", "last", "--show-config"],
    &["run", "attack", "--like", "last", "--dry-run"],
    &["db", "export"],
    &["db", "path"],
    &["db", "check"],
];

/// Texts that can be typed: an argument ends at a NUL.
fn typed() -> impl Iterator<Item = &'static str> {
    TEXTS.iter().copied().filter(|text| !text.contains('\0'))
}

#[test]
fn no_text_of_others_moves_the_cursor_or_forges_a_line_in_any_verb() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let all: String = typed().collect();
    let run = ["run", "attack", "--text", &all, "--name", &all, "--tag", &all];
    // Drawn, as lines, and as JSON.
    let drawn = on_terminal(folder, &run);
    assert_eq!(drawn.status.code(), Some(0), "{:?}", drawn.lines);
    assert_tame_and_not_forged(&drawn.bytes, "a drawn run");
    for (more, code) in [(["--fails_in_the_end", "--output=text"], 1), (["--output", "json"], 0)] {
        let words: Vec<&str> = run.into_iter().chain(more).collect();
        let shown = on_terminal(folder, &words);
        assert_eq!(shown.status.code(), Some(code), "{:?}", shown.lines);
        assert_tame_and_not_forged(&shown.bytes, more[0]);
        let lines =
            program(folder).args(words).env("GITHUB_ACTIONS", "true").stdin(Stdio::null()).output().unwrap();
        assert_tame_and_not_forged(&lines.stdout, "lines on standard output");
        assert_tame_and_not_forged(&lines.stderr, "lines of CI");
    }
    for verb in VERBS {
        for more in [&[][..], &["--output", "json"]] {
            let words: Vec<&str> = verb.iter().chain(more).copied().collect();
            let shown = on_terminal(folder, &words);
            assert_ne!(shown.status.code(), Some(2), "{words:?}: {:?}", shown.lines);
            assert!(!shown.bytes.is_empty(), "{words:?}");
            assert_tame_and_not_forged(&shown.bytes, &format!("{words:?}"));
            // A pager may show it later.
            let piped = program(folder).args(&words).stdin(Stdio::null()).output().unwrap();
            assert_tame_and_not_forged(&piped.stdout, &format!("{words:?} in a pipe"));
        }
    }
    let shown = on_terminal(folder, &["logs", "last", "says"]);
    let text = shown.lines.join("\n");
    assert!(text.contains(r"clip\u{1b}]52;c;Y2FuYXJ5\u{7}board"), "escaped, so that people see it: {text}");
}

#[test]
fn what_is_typed_wrong_is_repeated_without_its_control_characters() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    assert_eq!(on_terminal(folder, &["run", "attack", "--text", "x"]).status.code(), Some(0));
    for text in typed() {
        let flag = format!("--{text}");
        for words in [
            &["show", text][..],
            &["show", "last", text],
            &["logs", "last", text],
            &["artifacts", "last", text],
            &["rerun", "last", "--from", text],
            &["graph", text],
            &["runs", "--limit", text],
            &["runs", &format!("state:{text}")],
            &["run", text],
            &["run", "attack", "--text", "x", "--fails_in_the_end", text],
            &["run", "attack", &flag],
            &["run", "attack", "--params", text],
            &["run", "attack", "--like", text],
            &["run", "attack", "--text", "x", "--db", &format!("nowhere/{text}")],
            &["runs", "--db", text],
            &["db", "gc", "--older-than", text],
            &[text],
        ] {
            let shown = on_terminal(folder, words);
            assert_eq!(shown.status.code(), Some(2), "{words:?}: {:?}", shown.lines);
            assert_tame_and_not_forged(&shown.bytes, &format!("{words:?}"));
        }
    }
}

#[test]
fn an_artifact_is_shown_tame_on_a_terminal_and_as_it_is_elsewhere() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    on_terminal(folder, &["run", "attack", "--text", "x"]);
    for text in typed() {
        for kind in ["key", "link", "table"] {
            let key = format!("{kind} {text}");
            let words = ["artifacts", "last", &key];
            let shown = on_terminal(folder, &words);
            assert_eq!(shown.status.code(), Some(0), "{words:?}: {:?}", shown.lines);
            assert_tame(&shown.bytes, &key);
            let json = on_terminal(folder, &["artifacts", "last", &key, "--output", "json"]);
            assert_tame(&json.bytes, &key);
        }
        let piped = program(folder).args(["artifacts", "last", &format!("key {text}")]).output().unwrap();
        assert_eq!(String::from_utf8(piped.stdout).unwrap(), format!("content {text}\n"));
    }
}

#[test]
fn json_has_the_texts_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    on_terminal(folder, &["run", "attack", "--text", "x"]);
    let logs = program(folder).args(["logs", "--output", "json"]).output().unwrap();
    let messages: Vec<String> = String::from_utf8(logs.stdout)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .filter_map(|line| line["message"].as_str().map(str::to_owned))
        .collect();
    for text in TEXTS {
        // No store keeps a NUL.
        let text = text.replace('\0', "␀");
        assert!(messages.contains(&format!("says {text}")), "{text:?} in {messages:?}");
    }
}
