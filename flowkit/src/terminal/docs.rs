//! Tests that the pictures in `docs/terminal.md` are what the renderer draws. `FLOWKIT_REGENERATE=1` draws them again.
#![allow(clippy::unwrap_used, reason = "for tests only")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::fact::Detail;
use super::paint::StyleSupport;
use super::picture::{Program, finished, live, title};
use super::screen::{Mode, rendered};
use super::script::{Script, at, badly, half_way, ten_thousand, well, went_on};
use super::view::RunView;
use crate::model::event::samples::one_of_each;
use crate::model::{ArtifactKind, EventKind};

const WIDTH: usize = 92;

fn program() -> Program {
    Program::new("mybin").with_like()
}

fn text(lines: &[super::Line]) -> String {
    lines.iter().fold(String::new(), |mut text, line| {
        writeln!(text, "{}", StyleSupport::default().line(line)).unwrap();
        text
    })
}

fn view(story: impl FnOnce(&mut Script<'_>)) -> RunView {
    let mut view: Option<RunView> = None;
    story(&mut Script::new(&mut |notice| {
        let parameters = r#"{"urls":["a","b","c","d"],"dry_run":false}"#;
        if view.is_none() {
            view = RunView::begin(notice).map(|view| view.with_parameters(parameters));
        }
        view.as_mut().unwrap().take(notice);
    }));
    view.unwrap()
}

/// Draws the picture that has this name in the page.
fn picture(name: &str) -> String {
    match name {
        "running" => {
            let facts = rendered(Mode::Live, WIDTH, program(), |script| drop(half_way(script)));
            let begun = text(&title(&view(|script| drop(half_way(script))), WIDTH, &program()));
            let facts = facts.strip_prefix(&begun).unwrap();
            let area = live(&view(|script| drop(half_way(script))), WIDTH, 12, at(1900));
            format!("{begun}{facts}{}", text(&area))
        }
        "running_10000" => text(&live(&view(|script| drop(ten_thousand(script))), WIDTH, 12, at(60_000))),
        "finished" => {
            let mut view = view(well);
            view.left(12, "report", ArtifactKind::File, Some("report.md"));
            view.left(12, "rows", ArtifactKind::Table, None);
            text(&finished(&view, WIDTH, &program()))
        }
        "went_on" => text(&finished(&view(went_on), WIDTH, &program())),
        "failed" => text(&finished(&view(badly), WIDTH, &program())),
        "quiet" => rendered(Mode::Quiet, WIDTH, program(), badly),
        "lines" => rendered(Mode::Lines, WIDTH, program(), badly),
        "json" => {
            let all = rendered(Mode::Json, WIDTH, program(), badly);
            let wanted = |line: &&str| ["run.", "attempt_failed"].iter().any(|word| line.contains(word));
            let lines: Vec<&str> = all.lines().filter(wanted).collect();
            lines.join("\n") + "\n"
        }
        other => panic!("no picture has the name `{other}`"),
    }
}

fn page() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/terminal.md")
}

#[test]
fn the_pictures_of_the_page_are_what_is_drawn() {
    let path = page();
    let page = fs::read_to_string(&path).unwrap();
    let mut drawn = String::new();
    let mut rest = page.as_str();
    let mut count = 0;
    while let Some(start) = rest.find("<!-- picture: ") {
        let (before, from) = rest.split_at(start);
        let name = from["<!-- picture: ".len()..].split(' ').next().unwrap();
        let body = from.find("```text\n").unwrap() + "```text\n".len();
        let end = body + from[body..].find("```\n").unwrap();
        drawn += before;
        drawn += &from[..body];
        drawn += &picture(name);
        rest = &from[end..];
        count += 1;
    }
    drawn += rest;
    assert_eq!(count, 8, "a picture is missing");
    if std::env::var_os("FLOWKIT_REGENERATE").is_some() {
        fs::write(&path, &drawn).unwrap();
    }
    let page = fs::read_to_string(&path).unwrap();
    assert!(
        page == drawn,
        "draw them again: FLOWKIT_REGENERATE=1 cargo test -p flowkit --lib terminal::docs\n{drawn}"
    );
}

#[test]
fn an_event_has_one_name_in_the_database_in_json_lines_in_plain_lines_and_in_this_page() {
    let page = fs::read_to_string(page()).unwrap();
    let table = page.split_once("| event | JSON Lines | lines |").unwrap().1;
    let rows: Vec<Vec<&str>> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let events = one_of_each();
    assert_eq!(rows.len(), events.len());
    for (row, kind) in rows.iter().zip(events) {
        let persisted = serde_json::to_value(&kind).unwrap();
        // An event without fields is its name alone.
        let persisted =
            persisted.as_str().or_else(|| persisted.as_object()?.keys().next().map(String::as_str));
        assert_eq!(persisted, Some(kind.name()));
        assert_eq!(row[1], format!("`{}`", kind.name()));
        // A signal is reported for a run alone.
        let prefix = if matches!(kind, EventKind::Stopping) { "run" } else { "task" };
        assert_eq!(row[2], format!("`{prefix}.{}`", super::json::word(&kind, false)));
        let word = Detail::of(&kind).word.map(|word| format!("`{word}`")).unwrap_or_default();
        assert!(row[3].starts_with(&word) && row[3].is_empty() == word.is_empty(), "{row:?}");
        let read: EventKind = serde_json::from_value(serde_json::to_value(&kind).unwrap()).unwrap();
        assert_eq!(read, kind, "it is read as it was persisted");
    }
}
