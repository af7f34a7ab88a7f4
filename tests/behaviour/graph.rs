//! The graph of a run as it was recorded: nodes, data and order edges, groups, branches, sub-flows; and its pictures.

use flowkit::allow_failure;
use flowkit::graph::Graph;
use flowkit::model::{EdgeKind, Kind};
use flowkit::prelude::*;

#[task]
async fn fetch(number: u64) -> u64 {
    number
}

#[task]
async fn list() -> Vec<u64> {
    vec![1, 2]
}

#[task]
async fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[task]
async fn total(numbers: &[u64]) -> u64 {
    numbers.iter().sum()
}

#[task]
async fn length(text: &str) -> usize {
    text.len()
}

#[task]
async fn name() -> String {
    "name".into()
}

#[task]
async fn broken() -> Result<u64, String> {
    Err("broken".into())
}

#[task]
async fn copes(result: Result<u64, Error<String>>) -> bool {
    result.is_err()
}

#[task]
async fn publish() {}

#[flow]
async fn sub_flow(number: u64) -> Result<u64> {
    Ok(fetch(number).await?)
}

/// The edges as labels: `from -> to` for data, `from .. to` for order.
fn edges(graph: &Graph) -> Vec<String> {
    let label = |id| graph.nodes().iter().find(|node| node.id == id).unwrap().label.clone();
    let arrow = |kind| if kind == EdgeKind::Data { "->" } else { ".." };
    graph
        .edges()
        .iter()
        .map(|edge| format!("{} {} {}", label(edge.from), arrow(edge.kind), label(edge.to)))
        .collect()
}

#[flow]
async fn arguments() -> Result<()> {
    let (first, second) = (fetch(1).named("a").submit(), fetch(2).named("b").submit());
    add::submit(&first, &second);
    add::of(&first, &first).named("twice").submit();
    add::of(fetch(3).named("un-awaited"), 4).named("nested call").submit();
    total::of(Handles::from_iter([first.clone(), second.clone()])).submit();
    length::submit(name().submit());
    copes::submit(allow_failure(&broken().submit()));
    add(1, 2).named("values").await?;
    Ok(())
}

#[flowkit::test]
async fn each_handle_among_the_arguments_is_one_data_edge() {
    let run = arguments().run().await;
    let expected = [
        "a -> add",
        "b -> add",
        "a -> twice",
        "un-awaited -> nested call",
        "a -> total",
        "b -> total",
        "name -> length",
        "broken -> copes",
    ];
    assert_eq!(edges(&run.graph()), expected);
}

#[flow]
async fn order() -> Result<()> {
    let (first, second) = (fetch(1).named("a").submit(), fetch(2).named("b").submit());
    publish().after(&first).named("one").submit();
    publish().after([&first, &second]).named("both").submit();
    publish().after(fetch::map([7, 8])).named("all").submit();
    fetch::of(&first).after(&first).named("data and order").submit();
    publish().after(&second).named("in place").await?;
    Ok(())
}

#[flowkit::test]
async fn what_a_call_runs_after_is_an_order_edge() {
    let run = order().run().await;
    let expected = [
        "a .. one",
        "a .. both",
        "b .. both",
        "fetch[0] .. all",
        "fetch[1] .. all",
        "a -> data and order",
        "a .. data and order",
        "b .. in place",
    ];
    assert_eq!(edges(&run.graph()), expected);
}

#[flow]
async fn maps() -> Result<()> {
    let fetched = fetch::map([1, 2]);
    let added = add::map(&fetched, 10);
    add::map(&added, each(&fetched));
    let later = fetch::map(list().submit());
    total::of(&later).submit();
    Ok(())
}

#[flowkit::test]
async fn a_mapped_list_has_one_edge_per_item_also_when_it_is_known_only_later() {
    let run = maps().run().await;
    let mut edges = edges(&run.graph());
    edges.sort();
    let mut expected = vec![
        "add[0] -> add[0]",
        "add[1] -> add[1]",
        "fetch[0] -> add[0]",
        "fetch[0] -> add[0]",
        "fetch[0] -> total",
        "fetch[1] -> add[1]",
        "fetch[1] -> add[1]",
        "fetch[1] -> total",
        "list -> fetch[0]",
        "list -> fetch[1]",
    ];
    expected.sort_unstable();
    assert_eq!(edges, expected);
}

#[task]
async fn calls(number: u64) -> Result<u64> {
    let own = fetch(number).submit();
    Ok(add::of(&own, 1).await?)
}

#[flow(name = "All of it", run_name = "all of {number}")]
async fn all_of_it(number: u64) -> Result<()> {
    let first = fetch(number).submit();
    let sub = sub_flow::submit(&first);
    group("model", async {
        calls(number).await?;
        Ok::<_, flowkit::BoxError>(add::of(&first, &sub).await?)
    })
    .await?;
    if number > 3 {
        publish().after(&sub).branch("number > 3").await?;
    } else {
        publish::skip("number <= 3");
    }
    Ok(())
}

#[flowkit::test]
async fn nodes_know_their_kind_their_group_their_caller_and_their_state() {
    let run = all_of_it(4).run().await;
    let graph = run.graph();
    assert_eq!(graph.name(), "all of 4");
    let nodes: Vec<_> = graph
        .nodes()
        .iter()
        .map(|node| (&*node.label, node.kind, node.group.as_deref(), node.parent))
        .collect();
    let expected = [
        ("fetch", Kind::Task, None, None),
        ("sub_flow", Kind::Flow, None, None),
        ("calls", Kind::Task, Some("model"), None),
        ("fetch", Kind::Task, Some("model"), Some(3)),
        ("add", Kind::Task, Some("model"), Some(3)),
        ("add", Kind::Task, Some("model"), None),
        ("publish", Kind::Task, None, None),
    ];
    assert_eq!(nodes, expected);
    assert!(graph.nodes().iter().all(|node| node.state == State::Completed && node.attempts == 1));
    let labels: Vec<_> = graph.edges().iter().filter_map(|edge| edge.label.as_deref()).collect();
    assert_eq!(labels, ["number > 3"]);
}

#[flowkit::test]
async fn a_branch_that_was_not_taken_is_a_skipped_node() {
    let graph = all_of_it(3).run().await.graph();
    let last = graph.nodes().last().unwrap();
    assert_eq!((&*last.label, last.state, last.attempts), ("publish", State::Skipped, 0));
}

#[flow]
async fn decides(wanted: u64) -> Result<()> {
    let number = fetch(3).submit();
    let (many, few) = (add::of(&number, 1).branch("yes"), sub_flow::of(&number).branch("no"));
    let chosen = if *(&number).await? >= wanted {
        few.skip("there are enough");
        many.submit()
    } else {
        few.await?;
        many.skip("there are too few")
    };
    fetch::submit(&chosen);
    Ok(())
}

#[flowkit::test]
async fn a_call_that_is_skipped_has_its_edges_and_what_takes_it_is_skipped_too() {
    let edges = |graph: &Graph| {
        let label = |id| &*graph.nodes().iter().find(|node| node.id == id).unwrap().label;
        let mut edges: Vec<_> = graph
            .edges()
            .iter()
            .map(|edge| (label(edge.from).to_owned(), label(edge.to).to_owned(), edge.label.clone()))
            .collect();
        edges.sort();
        edges
    };
    let states = |graph: &Graph| -> Vec<(String, State)> {
        graph.nodes()[1..].iter().map(|node| (node.label.clone(), node.state)).collect()
    };
    let node = |label: &str, state| (label.to_owned(), state);

    let taken = decides(3).run().await;
    taken.result().as_ref().unwrap();
    let skipped =
        [node("sub_flow", State::Skipped), node("add", State::Completed), node("fetch", State::Completed)];
    assert_eq!(states(&taken.graph()), skipped);
    let other = decides(4).run().await;
    other.result().as_ref().unwrap();
    let skipped =
        [node("sub_flow", State::Completed), node("add", State::Skipped), node("fetch", State::Skipped)];
    assert_eq!(states(&other.graph()), skipped);
    assert_eq!(edges(&taken.graph()), edges(&other.graph()));
    assert_eq!(edges(&other.graph()).len(), 3);
    let reason = other.task_runs().into_iter().find_map(|run| run.skip_reason);
    assert_eq!(reason.as_deref(), Some("there are too few"));
}

#[flowkit::test]
async fn a_running_flow_shows_its_graph_so_far() {
    let running = all_of_it(4).start();
    assert_eq!(running.graph().nodes().len(), 0);
    let mut events = running.events();
    let mut seen = 0;
    while events.next().await.is_some() {
        let nodes = running.graph().nodes().len();
        assert!(nodes >= seen);
        seen = nodes;
    }
    assert_eq!((seen, running.await.graph().nodes().len()), (7, 7));
}

#[flowkit::test]
async fn every_picture_of_a_run_shows_every_node() {
    let run = all_of_it(4).run().await;
    let graph = run.graph();
    let (mermaid, dot, svg) = (graph.to_mermaid(), graph.to_dot(), graph.to_svg());
    assert!(mermaid.starts_with("flowchart LR"), "{mermaid}");
    assert!(dot.starts_with("digraph"), "{dot}");
    assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"), "{svg}");
    for text in [&mermaid, &dot, &svg] {
        for node in graph.nodes() {
            assert!(text.contains(&node.label), "{} is not in {text}", node.label);
        }
        assert!(text.contains("model") && text.contains("number"), "group and branch: {text}");
    }
    let json: serde_json::Value = serde_json::from_str(&graph.to_json()).unwrap();
    assert_eq!(json["name"], "all of 4");
    assert_eq!(json["nodes"].as_array().unwrap().len(), graph.nodes().len());
    assert_eq!(json["edges"].as_array().unwrap().len(), graph.edges().len());
    assert_eq!(json["nodes"][1]["kind"], "flow");
    assert_eq!(json["nodes"][1]["state"], "completed");
}
