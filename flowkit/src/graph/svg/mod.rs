//! The graph as a picture: one self-contained SVG, for README files, reports and the web page.
//!
//! No scripts, no fonts, no links. Colours are attributes, so that the picture needs no style sheet
//! (some viewers and content policies drop them); the style sheet only repaints it on a dark page.

mod shapes;

use std::collections::HashMap;
use std::fmt::Write;

use super::layout::{self, Block, Layout, LayoutLink};
use super::{Graph, Node};
use crate::graph::style;
use crate::graph::style::Tone;
use crate::text::apart::cut_in_the_middle;
use crate::text::columns;

const PAGE_MARGIN: f64 = 20.0;
const BOX_HEIGHT: f64 = 46.0;
/// Boxes are wide enough for `Completed`, so that short names do not make ragged columns.
const BOX_WIDTH_MIN: f64 = 120.0;
/// From the left border of a box to its text: the glyph stands there.
const TEXT_LEFT: f64 = 34.0;
const TEXT_RIGHT: f64 = 14.0;
const NAME_SIZE: f64 = 13.0;
const CAPTION_SIZE: f64 = 11.0;
const LABEL_HEIGHT: f64 = 18.0;
/// Longer names are cut; the whole name is in the title of the box.
const NAME_COLUMNS: usize = 32;

const FONT: &str =
    "ui-sans-serif, system-ui, -apple-system, 'Segoe UI', 'Noto Sans', 'Noto Sans CJK JP', sans-serif";
const INK: &str = "#1b1f24";
const MUTED: &str = "#59636e";
const PAGE: &str = "#ffffff";
const WIRE: &str = "#8b949e";
const GROUP_FILL: &str = "#f6f8fa";
const GROUP_LINE: &str = "#d0d7de";

/// Repaints everything but the boxes on a dark page.
const DARK: &str = ".page{fill:#0d1117}.ink{fill:#e6edf3}.muted{fill:#9aa4af}.wire{stroke:#7d8590}.head{fill:#7d8590}\
.group>rect{fill:#151b23;stroke:#30363d}.tag{fill:#0d1117;stroke:#30363d}";

impl Graph {
    /// Returns the graph as an SVG picture, from left to right, for light and dark pages.
    ///
    /// It is folded above [`FOLD_ABOVE`](super::FOLD_ABOVE) nodes.
    ///
    /// ```
    /// use flowkit::graph::{Graph, Node};
    ///
    /// let svg = Graph::new("etl", [Node::new(1, "fetch")], []).to_svg();
    /// assert!(svg.starts_with("<svg xmlns"));
    /// assert!(svg.contains("<title>fetch: Pending</title>"));
    /// ```
    #[must_use]
    pub fn to_svg(&self) -> String {
        let graph = self.pictured(usize::MAX);
        let names = graph.short_labels(NAME_COLUMNS);
        let layout = laid_out(&graph, &names);
        let mut out = String::new();
        // Writing to a string cannot fail.
        let _ = write_picture(&mut out, &graph, &names, &layout);
        out
    }
}

fn laid_out(graph: &Graph, names: &HashMap<u64, String>) -> Layout {
    let groups: HashMap<_, _> =
        graph.groups().into_iter().enumerate().map(|(number, name)| (name, number)).collect();
    let positions: HashMap<u64, usize> =
        graph.nodes.iter().enumerate().map(|(position, node)| (node.id, position)).collect();
    let blocks = graph.nodes.iter().map(|node| Block {
        width: box_width(node, &names[&node.id]),
        height: BOX_HEIGHT,
        group: node.group.as_ref().map(|name| groups[name]),
    });
    let links = graph.edges.iter().map(|edge| LayoutLink {
        from: positions[&edge.from],
        to: positions[&edge.to],
        label: edge.label.as_ref().map(|name| (tag_width(name), LABEL_HEIGHT)),
    });
    layout::layout(&blocks.collect::<Vec<_>>(), &links.collect::<Vec<_>>())
}

fn box_width(node: &Node, name: &str) -> f64 {
    let name = columns::width(name, NAME_SIZE);
    let caption = columns::width(&style::caption(node), CAPTION_SIZE);
    (TEXT_LEFT + name.max(caption) + TEXT_RIGHT).ceil().max(BOX_WIDTH_MIN)
}

fn tag_width(label: &str) -> f64 {
    (columns::width(&name(label), CAPTION_SIZE) + 16.0).ceil()
}

fn name(text: &str) -> String {
    cut_in_the_middle(&columns::visible(text), NAME_COLUMNS)
}

fn write_picture(
    out: &mut String,
    graph: &Graph,
    names: &HashMap<u64, String>,
    layout: &Layout,
) -> std::fmt::Result {
    let (width, height) = (layout.width + 2.0 * PAGE_MARGIN, layout.height + 2.0 * PAGE_MARGIN);
    let (width, height) = (width.ceil(), height.ceil());
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" font-family="{FONT}">"#
    )?;
    writeln!(out, "<title>{}</title>", shapes::escaped(&columns::visible(&graph.name)))?;
    writeln!(out, "<style>@media (prefers-color-scheme:dark){{{DARK}{}}}</style>", dark_tones(graph))?;
    writeln!(out, r#"<rect class="page" width="{width}" height="{height}" rx="10" fill="{PAGE}"/>"#)?;
    writeln!(out, r#"<g transform="translate({PAGE_MARGIN} {PAGE_MARGIN})">"#)?;
    let nodes: HashMap<u64, &Node> = graph.nodes.iter().map(|node| (node.id, node)).collect();
    for (group, rect) in graph.groups().into_iter().zip(&layout.groups) {
        shapes::write_group(out, group, rect)?;
    }
    for (edge, route) in graph.edges.iter().zip(&layout.routes) {
        shapes::write_edge(out, edge, [nodes[&edge.from], nodes[&edge.to]], route)?;
    }
    for (edge, route) in graph.edges.iter().zip(&layout.routes) {
        if let (Some(label), Some(rect)) = (&edge.label, &route.label) {
            shapes::write_tag(out, label, rect)?;
        }
    }
    for (node, rect) in graph.nodes.iter().zip(&layout.boxes) {
        shapes::write_node(out, node, &names[&node.id], rect)?;
    }
    out.push_str("</g>\n</svg>\n");
    Ok(())
}

fn dark_tones(graph: &Graph) -> String {
    let rule = |tone: Tone| {
        let (name, colours) = (tone.name(), tone.dark());
        let (fill, line, ink) = (colours.fill, colours.line, colours.ink);
        format!(".{name}>rect{{fill:{fill};stroke:{line}}}.{name}>.glyph{{fill:{ink}}}")
    };
    style::tones_of(graph).into_iter().map(rule).collect()
}
