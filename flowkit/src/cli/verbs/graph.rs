//! `graph`: the recorded graph of a run, with its sub-flows as clusters. A flow has none before it has run.

use std::collections::{BTreeMap, HashMap, HashSet};

use clap::ArgMatches;

use crate::cli::out::{note, print_bytes, print_lines};
use crate::cli::rows::{self, Member};
use crate::cli::run_ref;
use crate::cli::session::Session;
use crate::cli::usage::{Usage, UsageResult};
use crate::graph::mermaid::EDGES_MAX;
use crate::graph::recorded::{Cluster, Picture};
use crate::graph::style::glyph;
use crate::graph::{Edge, Graph, Node, json};
use crate::model::{FlowRunId, TaskRun, TaskRunId};
use crate::store::Store;
use crate::terminal::json::json_escaped;
use crate::text::columns::visible;

/// How many bytes are written at once.
const PIECE: usize = 64 << 10;

/// The ids of the nodes of a run begin this far after those of the run before it.
const IDS_OF_RUN: u64 = 1 << 32;

pub(super) fn graph(session: &Session, matches: &ArgMatches) -> UsageResult<()> {
    let store = session.settings.look_back()?;
    let typed = matches.get_one::<String>("run").map(String::as_str);
    // A flow's name means its newest run.
    let last = typed.filter(|typed| session.program.flow(typed).is_ok()).map(|flow| format!("last:{flow}"));
    let run = run_ref::run(&store, &session.program, last.as_deref().or(typed))?;
    let (flow, short) = (run.flow.clone(), run.id.short());
    let runs = if matches.get_flag("fold-sub-flows") {
        vec![(run.id, Cluster::default())]
    } else {
        clusters(&rows::family(&store, run)?)
    };
    let format = matches.get_one::<String>("format").map_or("text", String::as_str);
    if format == "json" {
        return print_json(&store, &flow, &runs);
    }
    let mut picture = Picture::new(matches.get_flag("all"));
    for (run, cluster) in &runs {
        rows::with_tasks(&store, *run, |rows| {
            for row in rows {
                let (node, edges) = parts(&row, cluster, &runs);
                picture.add(node, edges);
            }
        })?;
    }
    let (graph, is_folded) = picture.finish(&flow, if format == "mermaid" { EDGES_MAX } else { usize::MAX });
    let drawn = match format {
        "mermaid" => graph.to_mermaid(),
        "dot" => graph.to_dot(),
        "svg" => graph.to_svg(),
        "text" => text(&graph),
        other => return Err(Usage::new(format!("there is no format `{other}`"))),
    };
    print_lines(drawn.trim_end());
    if is_folded {
        let all = session.command(&format!("graph {short} --all"));
        note(format!("task runs that are alike are one node: `{all}` has a node for each"));
    }
    Ok(())
}

/// Returns each run with its place in the graph.
fn clusters(family: &[Member]) -> Vec<(FlowRunId, Cluster)> {
    let mut places = HashMap::new();
    let clusters = family.iter().zip(0_u64..).map(|(member, index)| {
        let base = index * IDS_OF_RUN;
        places.insert(member.run.id, base);
        let caller = member.run.parent.filter(|(_, caller)| *caller != TaskRunId::FLOW);
        let node = caller.and_then(|(outer, caller)| Some(places.get(&outer)? + caller.get()));
        let around = member.path.clone().map(|path| (path, node));
        (member.run.id, Cluster { base, around })
    });
    clusters.collect()
}

/// Returns the node of a task run and the edges that lead to it. The node of a sub-flow is in the cluster of its run.
fn parts<'c>(
    row: &TaskRun,
    cluster: &'c Cluster,
    runs: &[(FlowRunId, Cluster)],
) -> (Node, impl Iterator<Item = Edge> + use<'c>) {
    let (mut node, edges) = cluster.parts(row);
    if let Some(behind) = row.flow_run
        && let Some((_, behind)) = runs.iter().find(|(run, _)| *run == behind)
        && let Some((name, _)) = &behind.around
    {
        node.group = Some(name.as_str().into());
    }
    (node, edges)
}

/// Prints every node and edge in two passes: there may be too many to hold.
fn print_json(store: &dyn Store, flow: &str, runs: &[(FlowRunId, Cluster)]) -> UsageResult<()> {
    let mut line = json::begin(flow);
    let mut separator = "";
    for part in [true, false] {
        for (run, cluster) in runs {
            rows::with_tasks(store, *run, |rows| {
                for row in rows {
                    let (node, edges) = parts(&row, cluster, runs);
                    let written = if part {
                        vec![json::node(&node)]
                    } else {
                        edges.map(|edge| json::edge(&edge)).collect()
                    };
                    for one in written {
                        line.push_str(separator);
                        line.push_str(&one);
                        separator = ",";
                    }
                    if line.len() > PIECE {
                        print_bytes(json_escaped(std::mem::take(&mut line)).as_bytes());
                    }
                }
            })?;
        }
        line.push_str(if part { json::BETWEEN } else { json::END });
        separator = "";
    }
    print_bytes(json_escaped(line + "\n").as_bytes());
    Ok(())
}

/// One line per node, with its inputs, below the node in whose body it was called.
fn text(graph: &Graph) -> String {
    let labels: HashMap<u64, String> =
        graph.nodes().iter().map(|node| (node.id, visible(&node.label))).collect();
    let mut inputs = HashMap::<u64, Vec<&str>>::new();
    for edge in graph.edges() {
        inputs.entry(edge.to).or_default().push(&labels[&edge.from]);
    }
    let mut children = BTreeMap::<Option<u64>, Vec<&Node>>::new();
    for node in graph.nodes() {
        let parent = node.parent.filter(|parent| labels.contains_key(parent));
        children.entry(parent).or_default().push(node);
    }
    let mut lines = Vec::new();
    let mut seen = HashSet::new();
    // Folding may make callers of each other: those come last.
    let roots = children.get(&None).into_iter().flatten().copied();
    let mut open: Vec<(usize, &Node)> = roots.chain(graph.nodes()).map(|node| (0, node)).collect();
    open.reverse();
    while let Some((depth, node)) = open.pop() {
        if !seen.insert(node.id) {
            continue;
        }
        let inputs =
            inputs.get(&node.id).map(|inputs| format!("  ← {}", inputs.join(", "))).unwrap_or_default();
        lines.push(format!("{}{} {}{inputs}", "  ".repeat(depth), glyph(node.state), labels[&node.id]));
        let called = children.get(&Some(node.id)).into_iter().flatten().rev();
        open.extend(called.map(|node| (depth + 1, *node)));
    }
    lines.join("\n")
}
