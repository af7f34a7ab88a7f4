//! Mermaid text: what README files, pull requests and notebooks draw by themselves.
//!
//! Mermaid does its own layout; this writes text only. Everything a user named goes through
//! [`escaped`], because mermaid reads directives, Markdown and HTML inside labels.

use std::fmt::Write;

use super::{Edge, Graph, Node};
use crate::graph::style;
use crate::graph::style::Tone;
use crate::model::{EdgeKind, Kind};
use crate::text::apart::cut_in_the_middle;
use crate::text::columns;
use crate::text::columns::push_line;

/// Mermaid refuses to draw more edges than this unless its page is configured to
/// (`maxEdges` in its `config.schema.yaml`), and pages such as GitHub's are not.
pub(crate) const EDGES_MAX: usize = 500;

/// A space without width. It comes between characters that mermaid reads as its own even when they
/// are entities: `\n` as a line break, `$$` as a formula, `fa:fa-car` as an icon.
const NOTHING: &str = "#8203;";

/// Mermaid breaks lines at about 30 columns; two of them are enough for a name.
const LABEL_COLUMNS: usize = 60;

impl Graph {
    /// Returns the graph as a mermaid flowchart, from left to right.
    ///
    /// It is folded above [`FOLD_ABOVE`](super::FOLD_ABOVE) nodes, and above the 500 edges mermaid
    /// draws by default.
    ///
    /// ```
    /// use flowkit::graph::{Graph, Node};
    ///
    /// let text = Graph::new("etl", [Node::new(1, "fetch")], []).to_mermaid();
    /// assert!(text.contains(r#"n1("○ fetch<br/>Pending"):::idle"#));
    /// ```
    #[must_use]
    pub fn to_mermaid(&self) -> String {
        let graph = self.pictured(EDGES_MAX);
        let labels = graph.short_labels(LABEL_COLUMNS);
        let mut out = String::from("flowchart LR\n");
        for node in graph.nodes.iter().filter(|node| node.group.is_none()) {
            push_line(&mut out, 1, &node_text(node, &labels[&node.id]));
        }
        for (number, group) in graph.groups().into_iter().enumerate() {
            push_line(&mut out, 1, &format!("subgraph g{number}[\"{}\"]", label(group)));
            for node in graph.nodes.iter().filter(|node| node.group.as_ref() == Some(group)) {
                push_line(&mut out, 2, &node_text(node, &labels[&node.id]));
            }
            push_line(&mut out, 1, "end");
        }
        for edge in &graph.edges {
            push_line(&mut out, 1, &edge_text(edge));
        }
        for tone in style::tones_of(&graph) {
            push_line(&mut out, 1, &class_text(tone));
        }
        out
    }
}

fn node_text(node: &Node, label: &str) -> String {
    let (open, close) = match node.kind {
        Kind::Task => ("(", ")"),
        Kind::Flow => ("[[", "]]"),
    };
    let glyph = style::glyph(node.state);
    let (label, caption) = (escaped(label), style::caption(node));
    let tone = Tone::of(node.state).name();
    format!("n{}{open}\"{glyph} {label}<br/>{caption}\"{close}:::{tone}", node.id)
}

fn edge_text(edge: &Edge) -> String {
    let arrow = match edge.kind {
        EdgeKind::Data => "-->",
        EdgeKind::Order => "-.->",
    };
    match &edge.label {
        Some(name) => format!("n{} {arrow}|\"{}\"| n{}", edge.from, label(name), edge.to),
        None => format!("n{} {arrow} n{}", edge.from, edge.to),
    }
}

fn class_text(tone: Tone) -> String {
    // One set of colours for light and dark pages: the text is dark, and the box it is on light.
    let colours = tone.light();
    format!("classDef {} fill:{},stroke:{},color:#1b1f24", tone.name(), colours.fill, colours.line)
}

fn label(name: &str) -> String {
    escaped(&cut_in_the_middle(&columns::visible(name), LABEL_COLUMNS))
}

/// Returns `text` with everything mermaid could read as its own as an entity (`#34;`).
fn escaped(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let mut out = String::with_capacity(text.len());
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).is_some_and(|at| chars[at].is_alphanumeric());
        let after = chars.get(at + 1).is_some_and(|c| c.is_alphanumeric());
        let plain = match c {
            '[' | ']' | '(' | ')' | ',' | '=' | '/' | '\'' | '!' | '?' | ' ' => true,
            // `snake_case` and `0.8` stay readable; `__bold__`, `1. item` and `- item` are Markdown.
            '_' | '.' | '-' => before && after,
            _ => c.is_alphanumeric() || !c.is_ascii(),
        };
        if plain {
            out.push(c);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(out, "#{};", u32::from(c));
            if matches!(c, '\\' | '$') || chars[at..].starts_with(&[':', 'f', 'a', '-']) {
                out.push_str(NOTHING);
            }
        }
    }
    // An empty label in quotes is a syntax error.
    if out.is_empty() { NOTHING.to_owned() } else { out }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everyday_names_need_no_entities() {
        for name in ["fetch[3]", "list_urls", "train(xgb, depth=3)", "v0.8", "データ取得", "fetch ×4"] {
            assert_eq!(escaped(name), name);
        }
    }

    #[test]
    fn syntax_of_mermaid_html_and_markdown_becomes_entities() {
        assert_eq!(escaped(r#"a"b"#), "a#34;b");
        assert_eq!(escaped("<script>"), "#60;script#62;");
        assert_eq!(escaped("%%{init"), "#37;#37;#123;init");
        assert_eq!(escaped("`x` **y** __z__"), "#96;x#96; #42;#42;y#42;#42; #95;#95;z#95;#95;");
        assert_eq!(escaped("#quot;"), "#35;quot#59;");
        assert_eq!(escaped(r"\new"), "#92;#8203;new");
        assert_eq!(escaped("$$x"), "#36;#8203;#36;#8203;x");
        assert_eq!(escaped("fa:fa-car"), "fa#58;#8203;fa-car");
    }

    #[test]
    fn an_empty_label_is_not_a_syntax_error() {
        assert_eq!(label("\n"), "#8203;");
    }
}
