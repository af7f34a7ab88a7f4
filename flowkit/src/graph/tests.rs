//! The pictures of one small graph, and what names can do to them.

use super::*;
use crate::text::columns;

/// Two fetches in a group, a decision, and the branch that was not taken.
fn small() -> Graph {
    let mut nodes: Vec<Node> = [(0, "fetch"), (1, "fetch"), (2, "evaluate"), (3, "deploy"), (4, "retrain")]
        .map(|(id, task)| Node::new(id, task))
        .into();
    for node in &mut nodes[..2] {
        node.label = format!("fetch[{}]", node.id);
        node.group = Some("download".into());
        node.attempts = 1;
    }
    nodes[0].state = State::Completed;
    nodes[0].duration = Some(Duration::from_millis(413));
    nodes[1].state = State::AwaitingRetry;
    nodes[1].attempts = 2;
    nodes[4].state = State::Skipped;
    nodes[4].kind = Kind::Flow;
    let edges = [
        Edge::data(0, 2),
        Edge::data(1, 2),
        Edge::data(2, 3).with_label("accuracy >= 0.8"),
        Edge::order(2, 4).with_label("else"),
    ];
    Graph::new("train", nodes, edges)
}

/// A graph whose every name is `name`.
fn named(name: &str) -> Graph {
    let node = |id| {
        let mut node = Node::new(id, name.to_owned());
        node.group = Some(name.into());
        node
    };
    Graph::new(name, [node(1), node(2)], [Edge::data(1, 2).with_label(name)])
}

const HOSTILE: [&str; 8] = [
    "\"]\n--> x",
    "<script>alert(1)</script>",
    "a\u{202e}b\u{0}c\u{1b}[31m",
    "%%{init: {'theme':'dark'}}%%",
    "\\",
    "end",
    "]]>&quot;&#0;--><!--",
    "",
];

#[test]
fn mermaid_of_a_small_graph() {
    insta::assert_snapshot!(small().to_mermaid(), @r##"
    flowchart LR
        n2("○ evaluate<br/>Pending"):::idle
        n3("○ deploy<br/>Pending"):::idle
        n4[["⊘ retrain<br/>Skipped"]]:::blocked
        subgraph g0["download"]
            n0("✓ fetch[0]<br/>Completed · 0.4s"):::good
            n1("↻ fetch[1]<br/>AwaitingRetry · 2 attempts"):::again
        end
        n0 --> n2
        n1 --> n2
        n2 -->|"accuracy #62;= 0.8"| n3
        n2 -.->|"else"| n4
        classDef good fill:#e9f7f2,stroke:#009e73,color:#1b1f24
        classDef again fill:#fdf4e1,stroke:#e69f00,color:#1b1f24
        classDef idle fill:#f6f7f8,stroke:#98a1ab,color:#1b1f24
        classDef blocked fill:#f1f1f1,stroke:#767676,color:#1b1f24
    "##);
}

#[test]
fn dot_of_a_small_graph() {
    insta::assert_snapshot!(small().to_dot(), @r##"
    digraph "train" {
        rankdir=LR
        node [shape=box, style="rounded,filled", fontname="sans-serif", fontcolor="#1b1f24"]
        edge [color="#59636e", fontname="sans-serif", fontsize=11]
        n2 [label="○ evaluate\nPending", fillcolor="#f6f7f8", color="#98a1ab"]
        n3 [label="○ deploy\nPending", fillcolor="#f6f7f8", color="#98a1ab"]
        n4 [label="⊘ retrain\nSkipped", fillcolor="#f1f1f1", color="#767676", peripheries=2]
        subgraph cluster_0 {
            label="download"
            style="rounded,filled" color="#d0d7de" fillcolor="#f6f8fa"
            n0 [label="✓ fetch[0]\nCompleted · 0.4s", fillcolor="#e9f7f2", color="#009e73"]
            n1 [label="↻ fetch[1]\nAwaitingRetry · 2 attempts", fillcolor="#fdf4e1", color="#e69f00"]
        }
        n0 -> n2
        n1 -> n2
        n2 -> n3 [label="accuracy >= 0.8"]
        n2 -> n4 [style=dashed, label="else"]
    }
    "##);
}

#[test]
fn json_of_a_small_graph() {
    insta::assert_snapshot!(small().to_json(), @r##"
    {"version":1,"name":"train","nodes":[{"id":0,"task":"fetch","label":"fetch[0]","state":"completed","kind":"task","group":"download","attempts":1,"duration_us":413000,"parent":null},{"id":1,"task":"fetch","label":"fetch[1]","state":"awaiting_retry","kind":"task","group":"download","attempts":2,"duration_us":null,"parent":null},{"id":2,"task":"evaluate","label":"evaluate","state":"pending","kind":"task","group":null,"attempts":0,"duration_us":null,"parent":null},{"id":3,"task":"deploy","label":"deploy","state":"pending","kind":"task","group":null,"attempts":0,"duration_us":null,"parent":null},{"id":4,"task":"retrain","label":"retrain","state":"skipped","kind":"flow","group":null,"attempts":0,"duration_us":null,"parent":null}],"edges":[{"from":0,"to":2,"kind":"data","label":null},{"from":1,"to":2,"kind":"data","label":null},{"from":2,"to":3,"kind":"data","label":"accuracy >= 0.8"},{"from":2,"to":4,"kind":"order","label":"else"}]}
    "##);
}

#[test]
fn unknown_ends_self_loops_and_duplicates_are_dropped() {
    let nodes = [Node::new(1, "a"), Node::new(2, "b"), Node::new(1, "again")];
    let edges = [Edge::data(1, 2), Edge::data(1, 2), Edge::data(1, 1), Edge::data(1, 3), Edge::order(1, 2)];
    let graph = Graph::new("g", nodes, edges);
    assert_eq!(graph.nodes(), [Node::new(1, "a"), Node::new(2, "b")]);
    assert_eq!(graph.edges(), [Edge::data(1, 2), Edge::order(1, 2)]);
}

#[test]
fn folding_keeps_the_worst_state_and_merges_edges() {
    let folded = small().folded(4);
    let fetch = &folded.nodes()[0];
    assert_eq!((fetch.label.as_str(), fetch.state, fetch.attempts), ("fetch ×2", State::AwaitingRetry, 2));
    assert_eq!(fetch.duration, Some(Duration::from_millis(413)));
    assert_eq!(fetch.group.as_deref(), Some("download"));
    assert_eq!(folded.edges().len(), 3);
    assert_eq!(folded.edges()[0], Edge::data(0, 2));
}

#[test]
fn folding_drops_edges_inside_a_task_and_labels_that_differ() {
    let nodes = [Node::new(1, "a"), Node::new(2, "a"), Node::new(3, "b")];
    let edges = [
        Edge::data(1, 2),
        Edge::order(1, 3).with_label("yes"),
        Edge::data(2, 3).with_label("no"),
        Edge::data(2, 3).with_label("yes"),
    ];
    let folded = Graph::new("g", nodes, edges).folded(0);
    assert_eq!(folded.edges(), [Edge::data(1, 3)]);
}

#[test]
fn a_folded_node_keeps_a_parent_all_its_members_share_after_folding() {
    let child = |id, parent| {
        let mut node = Node::new(id, "child");
        node.parent = parent;
        node
    };
    let parents = [Node::new(1, "parent"), Node::new(2, "parent")];
    let fold = |children: [Node; 2]| Graph::new("g", parents.iter().cloned().chain(children), []).folded(0);
    assert_eq!(fold([child(3, Some(1)), child(4, Some(2))]).nodes()[1].parent, Some(1));
    assert_eq!(fold([child(3, Some(1)), child(4, None)]).nodes()[1].parent, None);
    assert_eq!(fold([child(3, Some(1)), child(4, Some(3))]).nodes()[1].parent, None);
}

#[test]
fn pictures_fold_above_the_limit_and_cope_with_the_cycles_that_makes() {
    let nodes = (0..=FOLD_ABOVE as u64).map(|id| Node::new(id, if id % 2 == 0 { "a" } else { "b" }));
    let graph = Graph::new("ping-pong", nodes, (0..FOLD_ABOVE as u64).map(|id| Edge::data(id, id + 1)));
    for picture in [graph.to_mermaid(), graph.to_dot(), graph.to_svg()] {
        assert!(picture.contains("a ×101") && picture.contains("b ×100"));
    }
    assert_eq!(graph.to_json().matches(r#""task":"a""#).count(), 101);
}

/// Steps of one generic task, named at run time, each after the one of another name with its number.
fn generic(names: [&str; 2], count: u64) -> Graph {
    let nodes = (0..2 * count).map(|id| {
        let mut node = Node::new(id, "step");
        node.label = format!("{} {}", names[usize::from(id >= count)], id % count);
        node
    });
    Graph::new("generic", nodes.collect::<Vec<_>>(), (0..count).map(|id| Edge::data(id, id + count)))
}

#[test]
fn runs_of_one_task_fold_by_their_names_where_those_tell_more() {
    let folded = generic(["align", "sort"], 1525).folded(FOLD_ABOVE);
    let labels: Vec<_> = folded.nodes().iter().map(|node| node.label.as_str()).collect();
    assert_eq!(labels, ["align * ×1525", "sort * ×1525"]);
    assert_eq!(folded.edges(), [Edge::data(0, 1525)]);
    let named = |name: fn(u64) -> String| {
        let nodes = (0..300).map(|id| Node { label: name(id), ..Node::new(id, "step") });
        Graph::new("g", nodes, []).folded(FOLD_ABOVE).nodes()[0].label.clone()
    };
    assert_eq!(named(|id| format!("try of {id}")), "step ×300", "one name for all tells nothing");
    assert_eq!(named(|id| "x".repeat(id as usize + 1)), "step ×300", "too many names");
}

#[test]
fn runs_of_one_task_fold_by_group_if_there_are_few() {
    let grouped = |groups: u64| {
        let nodes = (0..300).map(|id| Node {
            group: Some(char::from_u32(0x100 + (id % groups) as u32).unwrap().to_string().into()),
            ..Node::new(id, "step")
        });
        Graph::new("g", nodes, []).folded(FOLD_ABOVE)
    };
    assert_eq!(grouped(3).nodes().len(), 3);
    assert_eq!(grouped(3).nodes()[0].label, "step ×100");
    assert_eq!(grouped(150).nodes().len(), 1);
    let shards =
        (0..300).map(|id| Node { group: Some(format!("shard {id}").into()), ..Node::new(id, "step") });
    let folded = Graph::new("g", shards, []).folded(FOLD_ABOVE);
    assert_eq!(folded.nodes()[0].group.as_deref(), Some("shard *"));
}

#[test]
fn a_graph_that_is_folded_while_it_is_read_is_the_one_that_is_folded_afterwards() {
    let graph = generic(["align", "sort"], 200);
    let mut picture = recorded::Picture::new(false);
    for node in graph.nodes() {
        picture.add(node.clone(), graph.edges().iter().filter(|edge| edge.to == node.id).cloned());
    }
    let (read, is_folded) = picture.finish("generic", usize::MAX);
    assert!(is_folded);
    assert_eq!(read, graph.folded(FOLD_ABOVE).whole());
    let small = small();
    let mut picture = recorded::Picture::new(false);
    for node in small.nodes() {
        picture.add(node.clone(), small.edges().iter().filter(|edge| edge.to == node.id).cloned());
    }
    assert_eq!(picture.finish("train", usize::MAX), (small, false));
}

#[test]
fn names_that_are_too_long_stay_distinct_in_a_picture_and_are_whole_in_its_titles() {
    let processes = ["FASTQC", "TRIMGALORE", "STAR_ALIGN", "SAMTOOLS_SORT", "SAMTOOLS_INDEX"];
    let name = |process: &str, sample: u64| {
        format!("NFCORE_RNASEQ:RNASEQ:PREPARE_AND_ALIGN_READS:{process} (RAP1_UNINDUCED_REP{sample})")
    };
    let names: Vec<String> = (0..30).map(|id| name(processes[id % 5], id as u64 / 5)).collect();
    let nodes = names.iter().zip(0..).map(|(name, id)| Node { label: name.clone(), ..Node::new(id, "run") });
    let svg = Graph::new("rnaseq", nodes, []).to_svg();
    let drawn = svg.split("<text class=\"ink\"").skip(1).map(|text| text.split(['>', '<']).nth(1).unwrap());
    let drawn: HashSet<&str> = drawn.collect();
    assert_eq!(drawn.len(), 30, "{drawn:?}");
    assert!(drawn.iter().all(|label| columns::columns(label) <= 32));
    assert!(names.iter().all(|name| svg.contains(&format!("<title>{name}: Pending</title>"))));
}

#[test]
fn every_state_has_a_glyph_and_its_word_in_every_picture() {
    use State::*;
    let states = [
        Scheduled,
        Pending,
        Waiting,
        Running,
        AwaitingRetry,
        Cancelling,
        Suspended,
        Completed,
        Cached,
        Failed,
        TimedOut,
        Cancelled,
        Crashed,
        UpstreamFailed,
        Skipped,
    ];
    for state in states {
        let mut node = Node::new(1, "task");
        node.state = state;
        let graph = Graph::new("g", [node], []);
        for picture in [graph.to_mermaid(), graph.to_dot(), graph.to_svg()] {
            assert!(picture.contains(style::glyph(state)) && picture.contains(state.name()), "{state:?}");
        }
    }
}

#[test]
fn japanese_names_stay_readable_in_every_picture() {
    let graph = named("データ取得");
    for picture in [graph.to_mermaid(), graph.to_dot(), graph.to_svg()] {
        assert!(picture.contains("データ取得"));
    }
}

#[test]
fn no_name_brings_hidden_characters_or_markup_into_a_picture() {
    for name in HOSTILE {
        let graph = named(name);
        for picture in [graph.to_mermaid(), graph.to_dot(), graph.to_svg()] {
            assert!(!picture.contains(|c: char| (c.is_control() && c != '\n') || c == '\u{202e}'));
        }
        assert!(!graph.to_mermaid().contains("<script") && !graph.to_svg().contains("<script"));
    }
}

#[test]
fn no_name_changes_the_lines_of_a_mermaid_text() {
    let shape = |name| -> Vec<String> {
        let text = named(name).to_mermaid();
        text.lines().map(|line| line.split('"').step_by(2).collect()).collect()
    };
    for name in HOSTILE {
        assert_eq!(shape(name), shape("plain"), "{name:?}");
    }
}

#[test]
fn no_name_changes_the_elements_of_an_svg() {
    let tags = |name| -> Vec<String> {
        let svg = named(name).to_svg();
        let tags = svg.split('<').skip(1).map(|tag| tag.split([' ', '>']).next().unwrap().to_owned());
        tags.collect()
    };
    for name in HOSTILE {
        assert_eq!(tags(name), tags("plain"), "{name:?}");
    }
}

#[test]
fn order_edges_are_dashed_in_every_picture() {
    let graph = Graph::new("g", [Node::new(1, "a"), Node::new(2, "b")], [Edge::order(1, 2)]);
    assert!(graph.to_mermaid().contains("n1 -.-> n2"));
    assert!(graph.to_dot().contains("n1 -> n2 [style=dashed]"));
    assert!(graph.to_svg().contains("stroke-dasharray"));
}
