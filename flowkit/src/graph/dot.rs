//! DOT text for Graphviz and everything that reads it.
//!
//! Graphviz does its own layout; this writes text only.

use super::{Edge, Graph, Node};
use crate::graph::style;
use crate::graph::style::Tone;
use crate::model::{EdgeKind, Kind};
use crate::text::apart::cut_in_the_middle;
use crate::text::columns;
use crate::text::columns::push_line;

/// Graphviz does not break lines, so a long name makes a wide column.
const LABEL_COLUMNS: usize = 60;

const HEAD: &str = r##"    rankdir=LR
    node [shape=box, style="rounded,filled", fontname="sans-serif", fontcolor="#1b1f24"]
    edge [color="#59636e", fontname="sans-serif", fontsize=11]
"##;

const CLUSTER: &str = r##"style="rounded,filled" color="#d0d7de" fillcolor="#f6f8fa""##;

impl Graph {
    /// Returns the graph in Graphviz's DOT language.
    ///
    /// It is folded above [`FOLD_ABOVE`](super::FOLD_ABOVE) nodes.
    ///
    /// ```
    /// use flowkit::graph::{Edge, Graph, Node};
    ///
    /// let nodes = [Node::new(1, "fetch"), Node::new(2, "load")];
    /// let text = Graph::new("etl", nodes, [Edge::order(1, 2)]).to_dot();
    /// assert!(text.contains("n1 -> n2 [style=dashed]"));
    /// ```
    #[must_use]
    pub fn to_dot(&self) -> String {
        let graph = self.pictured(usize::MAX);
        let labels = graph.short_labels(LABEL_COLUMNS);
        let mut out = format!("digraph {} {{\n{HEAD}", quoted(&[&label(&self.name)]));
        for node in graph.nodes.iter().filter(|node| node.group.is_none()) {
            push_line(&mut out, 1, &node_text(node, &labels[&node.id]));
        }
        for (number, group) in graph.groups().into_iter().enumerate() {
            push_line(&mut out, 1, &format!("subgraph cluster_{number} {{"));
            push_line(&mut out, 2, &format!("label={}", quoted(&[&label(group)])));
            push_line(&mut out, 2, CLUSTER);
            for node in graph.nodes.iter().filter(|node| node.group.as_ref() == Some(group)) {
                push_line(&mut out, 2, &node_text(node, &labels[&node.id]));
            }
            push_line(&mut out, 1, "}");
        }
        for edge in &graph.edges {
            push_line(&mut out, 1, &edge_text(edge));
        }
        out + "}\n"
    }
}

fn node_text(node: &Node, label: &str) -> String {
    let first = format!("{} {label}", style::glyph(node.state));
    let label = quoted(&[&first, &style::caption(node)]);
    let colours = Tone::of(node.state).light();
    let (fill, line) = (colours.fill, colours.line);
    let border = match node.kind {
        Kind::Task => "",
        Kind::Flow => ", peripheries=2",
    };
    format!("n{} [label={label}, fillcolor=\"{fill}\", color=\"{line}\"{border}]", node.id)
}

fn edge_text(edge: &Edge) -> String {
    let mut attributes = Vec::new();
    if edge.kind == EdgeKind::Order {
        attributes.push("style=dashed".to_owned());
    }
    if let Some(name) = &edge.label {
        attributes.push(format!("label={}", quoted(&[&label(name)])));
    }
    let attributes = match attributes.len() {
        0 => String::new(),
        _ => format!(" [{}]", attributes.join(", ")),
    };
    format!("n{} -> n{}{attributes}", edge.from, edge.to)
}

fn label(name: &str) -> String {
    cut_in_the_middle(&columns::visible(name), LABEL_COLUMNS)
}

/// Returns `lines` as one DOT string. Graphviz reads backslashes and HTML entities in labels, so
/// both are escaped.
fn quoted(lines: &[&str]) -> String {
    let escape = |line: &&str| line.replace('\\', "\\\\").replace('"', "\\\"").replace('&', "&amp;");
    format!("\"{}\"", lines.iter().map(escape).collect::<Vec<_>>().join("\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_backslashes_and_entities_are_escaped() {
        assert_eq!(quoted(&[r#"a"b"#, r"\N\", "&lt;"]), r#""a\"b\n\\N\\\n&amp;lt;""#);
    }
}
