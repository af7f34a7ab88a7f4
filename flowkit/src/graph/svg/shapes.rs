//! The parts of the picture: one function for each kind of thing drawn.

use std::fmt::{Result, Write};

use super::super::layout::{Rect, Route};
use super::super::{Edge, Node};
use super::{
    CAPTION_SIZE, GROUP_FILL, GROUP_LINE, INK, MUTED, NAME_COLUMNS, NAME_SIZE, PAGE, TEXT_LEFT, WIRE, name,
};
use crate::graph::style;
use crate::graph::style::Tone;
use crate::model::{EdgeKind, Kind};
use crate::text::apart::cut_in_the_middle;
use crate::text::columns;

const ARROW_LENGTH: f64 = 7.0;

pub(super) fn write_group(out: &mut String, group: &str, rect: &Rect) -> Result {
    let full = columns::visible(group);
    let mut columns = NAME_COLUMNS;
    let mut short = cut_in_the_middle(&full, columns);
    while columns::width(&short, CAPTION_SIZE) > rect.width - 24.0 && columns > 1 {
        columns -= 1;
        short = cut_in_the_middle(&full, columns);
    }
    let (x, y) = (px(rect.left + 12.0), px(rect.top + 19.0));
    writeln!(
        out,
        r#"<g class="group"><title>{}</title><rect {} rx="12" fill="{GROUP_FILL}" stroke="{GROUP_LINE}"/><text class="muted" x="{x}" y="{y}" font-size="{CAPTION_SIZE}" font-weight="600" fill="{MUTED}">{}</text></g>"#,
        escaped(&full),
        attributes(rect),
        escaped(&short),
    )
}

pub(super) fn write_edge(out: &mut String, edge: &Edge, ends: [&Node; 2], route: &Route) -> Result {
    let [from, to] = ends.map(|node| escaped(&columns::visible(&node.label)));
    let dash = match edge.kind {
        EdgeKind::Data => "",
        EdgeKind::Order => r#" stroke-dasharray="5 4""#,
    };
    let (curve, head) = curve_and_head(&route.points);
    writeln!(
        out,
        r#"<g><title>{from} → {to}</title><path class="wire" d="{curve}" fill="none" stroke="{WIRE}" stroke-width="1.4"{dash}/><path class="head" d="{head}" fill="{WIRE}"/></g>"#
    )
}

pub(super) fn write_tag(out: &mut String, label: &str, rect: &Rect) -> Result {
    let (x, y) = (px(rect.left + rect.width / 2.0), px(rect.top + 12.8));
    writeln!(
        out,
        r#"<g><title>{}</title><rect class="tag" {} rx="9" fill="{PAGE}" stroke="{GROUP_LINE}"/><text class="muted" x="{x}" y="{y}" font-size="{CAPTION_SIZE}" text-anchor="middle" fill="{MUTED}">{}</text></g>"#,
        escaped(&columns::visible(label)),
        attributes(rect),
        escaped(&name(label)),
    )
}

pub(super) fn write_node(out: &mut String, node: &Node, name: &str, rect: &Rect) -> Result {
    let tone = Tone::of(node.state);
    let colours = tone.light();
    writeln!(
        out,
        r#"<g class="{}"><title>{}: {}</title><rect {} rx="8" fill="{}" stroke="{}" stroke-width="1.4"/>"#,
        tone.name(),
        escaped(&columns::visible(&node.label)),
        style::caption(node),
        attributes(rect),
        colours.fill,
        colours.line,
    )?;
    if node.kind == Kind::Flow {
        let (left, top, width, height) =
            (rect.left + 3.0, rect.top + 3.0, rect.width - 6.0, rect.height - 6.0);
        let inner = Rect { left, top, width, height };
        writeln!(out, r#"<rect {} rx="5.5" fill="none" stroke="{}"/>"#, attributes(&inner), colours.line)?;
    }
    let middle = rect.top + rect.height / 2.0;
    writeln!(
        out,
        r#"<text class="glyph" x="{}" y="{}" font-size="15" text-anchor="middle" fill="{}">{}</text>"#,
        px(rect.left + 19.0),
        px(middle + 5.5),
        colours.ink,
        style::glyph(node.state),
    )?;
    let x = px(rect.left + TEXT_LEFT);
    writeln!(
        out,
        r#"<text class="ink" x="{x}" y="{}" font-size="{NAME_SIZE}" fill="{INK}">{}</text><text class="muted" x="{x}" y="{}" font-size="{CAPTION_SIZE}" fill="{MUTED}">{}</text></g>"#,
        px(middle - 3.0),
        escaped(name),
        px(middle + 13.5),
        style::caption(node),
    )
}

fn attributes(rect: &Rect) -> String {
    let (x, y, width, height) = (px(rect.left), px(rect.top), px(rect.width), px(rect.height));
    format!(r#"x="{x}" y="{y}" width="{width}" height="{height}""#)
}

/// Returns the path of a line through `points`, and that of the arrow head at its end.
fn curve_and_head(points: &[(f64, f64)]) -> (String, String) {
    let mut points = points.to_vec();
    let Some(&(tip_x, tip_y)) = points.last() else {
        return (String::new(), String::new());
    };
    let forward = if points.first().is_some_and(|first| first.0 > tip_x) { -1.0 } else { 1.0 };
    let base_x = tip_x - forward * ARROW_LENGTH;
    if let Some(last) = points.last_mut() {
        // The line ends inside the head, so that its end does not blunt the tip.
        last.0 = base_x + forward;
    }
    let pieces: String = points.windows(2).map(|pair| curve_piece(pair[0], pair[1])).collect();
    let curve = format!("M{} {}{pieces}", px(points[0].0), px(points[0].1));
    let (base, tip, y) = (px(base_x), px(tip_x), px(tip_y));
    (curve, format!("M{base} {}L{tip} {y}L{base} {}Z", px(tip_y - 4.0), px(tip_y + 4.0)))
}

/// Returns the next piece of a path: a line if it is level, or a curve that leaves and arrives level.
fn curve_piece((x, y): (f64, f64), (next_x, next_y): (f64, f64)) -> String {
    let middle = px(f64::midpoint(x, next_x));
    let (y, next_x, next_y) = (px(y), px(next_x), px(next_y));
    if (y - next_y).abs() < 0.5 {
        format!("L{next_x} {next_y}")
    } else {
        format!("C{middle} {y} {middle} {next_y} {next_x} {next_y}")
    }
}

/// Rounds to tenths of a pixel: finer is not to be seen, and doubles the size of the file.
fn px(length: f64) -> f64 {
    // Adding zero turns -0 into 0.
    (length * 10.0).round() / 10.0 + 0.0
}

/// Escapes `text` for XML, inside elements and attributes.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(c),
        }
    }
    out
}
