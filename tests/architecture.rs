//! The invariants of ARCHITECTURE.md that can be checked in the source: what the pure floors must not use.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// Words that indicate a clock, randomness, I/O or async code.
const IMPURE: [&str; 9] = [
    "tokio::",
    "async fn",
    "async move",
    "SystemTime::now",
    "Instant::now",
    "fastrand",
    "std::fs",
    "std::net",
    "crate::engine",
];

/// The rooms of `flowkit/src`, from the ground up. A room uses only those of the floors below its own, and itself.
const FLOORS: [&[&str]; 14] = [
    &["failpoint", "text"],
    &["value"],
    &["model"],
    &["clock", "graph", "policy"],
    &["store"],
    &["engine"],
    &["ctx", "shutdown"],
    &["task"],
    &["flow"],
    &["testing"],
    &["macro_support"],
    &["terminal"],
    &["cli"],
    &["lib", "prelude"],
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../flowkit/src")
}

/// The floor of a room. Whatever else the crate has at its top is what its front door shows.
fn floor(room: &str) -> usize {
    FLOORS.iter().position(|rooms| rooms.contains(&room)).unwrap_or(FLOORS.len() - 1)
}

/// The rooms that the code of `room` imports although they are not below it.
fn upward<'a>(room: &str, code: &'a str) -> Vec<&'a str> {
    // Tests are at the end of their file.
    let code = code.split("\nmod tests {").next().unwrap_or_default();
    let used = code.match_indices("crate::").map(|(at, path)| {
        let name = &code[at + path.len()..];
        &name[..name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len())]
    });
    // `$crate::` in a macro refers to this crate from another one.
    let own = |at: &str| at != room && floor(at) >= floor(room);
    used.filter(|used| !used.is_empty() && own(used)).collect()
}

#[test]
fn each_room_uses_only_the_floors_below_it() {
    let mut files = Vec::new();
    sources(&root(), &mut files);
    let is_test = |path: &Path| {
        let name = path.file_stem().unwrap().to_string_lossy();
        let folders = path.strip_prefix(root()).unwrap().components();
        name.ends_with("tests")
            || folders.map(|part| part.as_os_str().to_string_lossy()).any(|part| part == "tests")
    };
    let upward: Vec<_> = files
        .iter()
        .filter(|path| !is_test(path))
        .flat_map(|path| {
            let within = path.strip_prefix(root()).unwrap();
            let room = within.components().next().unwrap().as_os_str().to_string_lossy().replace(".rs", "");
            let code = code(path).replace("$crate::", "");
            upward(&room, &code)
                .into_iter()
                .map(|used| format!("{} uses `{used}`", within.display()))
                .collect::<Vec<_>>()
        })
        .collect();
    assert!(upward.is_empty(), "{upward:#?}");
}

#[test]
fn an_import_of_a_higher_floor_is_found() {
    assert_eq!(upward("engine", "use crate::task::call::Call;"), ["task"]);
    assert_eq!(upward("engine", "let runtime = crate::Runtime::ambient();"), ["Runtime"]);
    assert_eq!(
        upward("clock", "use crate::{policy::retry};\nuse crate::policy::retry;"),
        ["policy"],
        "on the same floor"
    );
    assert!(upward("engine", "use crate::model::State;\nuse crate::engine::slot::Slot;").is_empty());
}

#[test]
fn the_rooms_are_those_of_the_floors_and_of_the_map() {
    let map = fs::read_to_string(root().join("../../ARCHITECTURE.md")).unwrap();
    let (_, drawing) = map.split_once("flowkit/src, from the top down").unwrap();
    let drawing = drawing.split_once("```").unwrap().0;
    let mut rooms = Vec::new();
    let mut files = 0;
    for entry in fs::read_dir(root()).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        files += usize::from(entry.file_type().unwrap().is_file());
        let shown = if name.contains('.') { name.clone() } else { format!("{name}/") };
        assert!(drawing.split_whitespace().any(|word| word == shown), "`{shown}` is not on the map");
        rooms.push(name.replace(".rs", ""));
    }
    rooms.sort_unstable();
    let mut floors = FLOORS.concat();
    floors.sort_unstable();
    assert_eq!(rooms, floors);
    assert!(files <= 6, "{files} files stand beside the rooms");
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// The code of a file: no comments, where examples may do as they like.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

#[test]
fn text_value_model_policy_and_graph_know_no_clock_no_chance_no_io_and_no_engine() {
    let root = root();
    let mut files = Vec::new();
    for floor in ["text", "value", "model", "policy", "graph"] {
        sources(&root.join(floor), &mut files);
    }
    assert!(files.len() > 20, "the floors have moved: {files:?}");
    // Tests may use anything; they are in their own files or at the end of a file.
    let pure = files.iter().filter(|path| !path.components().any(|part| part.as_os_str() == "tests"));
    for path in pure.filter(|path| path.file_stem().is_some_and(|stem| stem != "tests")) {
        let code = code(path);
        let code = code.split("#[cfg(test)]").next().unwrap_or_default();
        for word in IMPURE {
            assert!(!code.contains(word), "{} says `{word}`", path.display());
        }
    }
}

/// The functions that a block of code declares: from `start` to the first line that is nothing but a brace.
fn functions<'a>(code: &'a str, start: &str) -> Vec<&'a str> {
    let block = code.split_once(start).unwrap().1.split_once("\n}\n").unwrap().0;
    let heads = block.lines().filter_map(|line| line.strip_prefix("    fn "));
    heads.map(|head| head.split(['(', '<']).next().unwrap()).collect()
}

#[test]
fn a_large_body_says_all_that_the_body_says() {
    let read =
        |path: &str| code(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../flowkit/src").join(path)) + "\n";
    let (body, on_heap) = (read("engine/body.rs"), read("engine/task_run/on_heap.rs"));
    let said = functions(&on_heap, "Body for OnHeap<B> {");
    assert_eq!(functions(&body, "pub trait Body:"), said);
    let said = functions(&on_heap, "FlowBody for OnHeap<B> {");
    assert_eq!(functions(&body, "pub trait FlowBody:"), said);
}
