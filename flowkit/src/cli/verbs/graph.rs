//! `graph`: the recorded graph of a run. A flow has none before it has run.

use clap::ArgMatches;

use crate::cli::out::{print_json, print_lines};
use crate::cli::rows;
use crate::cli::run_ref;
use crate::cli::session::Session;
use crate::cli::usage::{Usage, UsageResult};
use crate::graph::Graph;
use crate::graph::style::glyph;
use crate::text::columns::visible;

pub(super) fn graph(session: &Session, matches: &ArgMatches) -> UsageResult<()> {
    let store = session.settings.look_back()?;
    let typed = matches.get_one::<String>("run").map(String::as_str);
    // A flow's name means its newest run.
    let last = typed.filter(|typed| session.program.flow(typed).is_ok()).map(|flow| format!("last:{flow}"));
    let run = run_ref::run(&store, &session.program, last.as_deref().or(typed))?;
    let graph = Graph::of(run.flow, rows::tasks(&store, run.id)?);
    let format = matches.get_one::<String>("format").map_or("text", String::as_str);
    let drawn = match format {
        "mermaid" => graph.to_mermaid(),
        "dot" => graph.to_dot(),
        "svg" => graph.to_svg(),
        "json" => graph.to_json(),
        "text" => text(&graph),
        other => return Err(Usage::new(format!("there is no format `{other}`"))),
    };
    match format {
        "json" => print_json(drawn),
        _ => print_lines(drawn.trim_end()),
    }
    Ok(())
}

/// One line per node, with its inputs.
fn text(graph: &Graph) -> String {
    let label = |id: u64| {
        let node = graph.nodes().iter().find(|node| node.id == id);
        node.map(|node| visible(&node.label)).unwrap_or_default()
    };
    let lines = graph.nodes().iter().map(|node| {
        let inputs = graph.edges().iter().filter(|edge| edge.to == node.id).map(|edge| label(edge.from));
        let inputs: Vec<String> = inputs.collect();
        let inputs = if inputs.is_empty() { String::new() } else { format!("  ← {}", inputs.join(", ")) };
        format!("{} {}{inputs}", glyph(node.state), visible(&node.label))
    });
    lines.collect::<Vec<_>>().join("\n")
}
