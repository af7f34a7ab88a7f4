//! The invariants of ARCHITECTURE.md that can be read off the source: what the pure floors may not know.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

use std::fs;
use std::path::{Path, PathBuf};

/// Words that stand for a clock, randomness, I/O or async code.
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
fn model_policy_and_graph_know_no_clock_no_chance_no_io_and_no_engine() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../flowkit/src");
    let mut files = Vec::new();
    for floor in ["model", "policy", "graph"] {
        sources(&root.join(floor), &mut files);
    }
    assert!(files.len() > 20, "the floors have moved: {files:?}");
    // Tests may use what they like; they stand in files of their own or at the end of their file.
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
    let (task, flow, on_heap) = (read("task.rs"), read("flow/mod.rs"), read("engine/task_run/on_heap.rs"));
    let said = functions(&on_heap, "Body for OnHeap<B> {");
    // How a call is made is decided before it is known to be large.
    let asked =
        functions(&task, "pub trait Body:").into_iter().filter(|name| !matches!(*name, "call" | "submit"));
    assert_eq!(asked.collect::<Vec<_>>(), said);
    let said = functions(&on_heap, "FlowBody for OnHeap<B> {");
    assert_eq!(functions(&flow, "pub trait FlowBody:"), said);
}
