//! `seed_dag`: its record has the twelve edges of the textbook's graph, whichever branch was taken.

use std::collections::BTreeSet;

use super::Example;
use crate::shown;

/// The graph as the textbook draws it.
fn textbook() -> String {
    let page = std::fs::read_to_string(shown::root().join("docs/graphs.md")).expect("the page");
    shown::fences(&page, "mermaid").next().expect("a picture")
}

/// Returns the edges of the textbook with the labels of its nodes, and of the branches.
fn drawn() -> BTreeSet<String> {
    let textbook = textbook();
    let labels: Vec<(&str, &str)> = textbook
        .split_whitespace()
        .filter_map(|word| word.strip_prefix("-->").map_or(Some(word), |_| None))
        .filter_map(|word| {
            word.split_once(['[', '{']).map(|(id, rest)| (id, rest.trim_end_matches([']', '}'])))
        })
        .collect();
    let label = |word: &str| {
        let id = &word[..1];
        labels
            .iter()
            .find(|(known, _)| *known == id)
            .map_or(word.to_owned(), |(_, label)| (*label).to_owned())
    };
    let edges = textbook.lines().filter(|line| line.contains("-->")).map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [from, arrow, to] = words[..] else { panic!("no edge: {line}") };
        format!("{} {arrow} {}", label(from), label(to))
    });
    edges.collect()
}

fn recorded(arguments: &[&str]) -> (BTreeSet<String>, Vec<String>) {
    let stdout = Example::new("seed_dag").run(arguments).well().stdout;
    let (edges, rest): (Vec<_>, Vec<_>) =
        stdout.lines().map(str::to_owned).partition(|line| line.contains("-->"));
    (edges.into_iter().collect(), rest)
}

#[test]
fn the_recorded_graph_is_the_textbook_s_whichever_branch_is_taken() {
    assert_eq!(drawn().len(), 12);
    let (edges, rest) = recorded(&[]);
    assert_eq!(edges, drawn());
    assert_eq!(rest, ["not run: アラート送信 (性能OK? is Yes)"]);

    let (edges, rest) = recorded(&["1.1"]);
    assert_eq!(edges, drawn());
    let skipped = [
        "not run: モデル登録 (性能OK? is No)",
        "not run: デプロイ (its input task `モデル登録` was skipped)",
    ];
    assert_eq!(rest, skipped);
}
