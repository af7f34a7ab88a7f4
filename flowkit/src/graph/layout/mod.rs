//! Layered layout: boxes in columns from left to right, edges from column to column.
//!
//! Pure geometry, in pixels: it knows boxes, links and groups by their number, and nothing of
//! tasks, states or fonts. It is deterministic: the same input gives the same picture.
//!
//! The method is that of Sugiyama, in the cheapest variant that looks good:
//! [`layers`] gives every box a column (longest path), [`net`] puts a bend into every column a link
//! passes, [`order`] sorts the columns to avoid crossings, [`place`] sets the heights, [`bands`]
//! keeps strangers out of groups, [`straight`] levels long links, and [`route`] turns it all into
//! coordinates.

mod bands;
mod layers;
mod net;
mod order;
mod place;
mod route;
mod straight;

/// A box to be placed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub width: f64,
    pub height: f64,
    /// The group it is drawn in. Groups are numbered from zero, without gaps.
    pub group: Option<usize>,
}

/// An arrow between two boxes, named by their positions in the input.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LayoutLink {
    pub from: usize,
    pub to: usize,
    /// The width and height of the text on it. Room is made for it in a column of its own.
    pub label: Option<(f64, f64)>,
}

/// Where everything is. The picture starts at (0, 0).
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Layout {
    pub width: f64,
    pub height: f64,
    /// One for each box. Boxes of one column are as wide as the widest of them.
    pub boxes: Vec<Rect>,
    /// One for each link.
    pub routes: Vec<Route>,
    /// One for each group: around its boxes, with a margin and room for a title above them.
    pub groups: Vec<Rect>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Rect {
    pub left: f64,
    pub top: f64,
    pub width: f64,
    pub height: f64,
}

/// The way of a link from the border of one box to the border of the other.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Route {
    /// The ends of its level pieces. In between it may rise or fall: there are no boxes there.
    pub points: Vec<(f64, f64)>,
    pub label: Option<Rect>,
}

/// The margin of a group around its boxes.
const GROUP_MARGIN: f64 = 12.0;
/// The room for a group's title, above that margin.
const GROUP_TITLE: f64 = 18.0;

/// Lays out `blocks` and the `links` between them.
///
/// Links may form cycles: some of their links then lead from right to left.
///
/// # Panics
///
/// If a link names a box that is not there, or leads from a box to itself.
pub(crate) fn layout(blocks: &[Block], links: &[LayoutLink]) -> Layout {
    let arrows = layers::arrows(blocks.len(), links);
    let columns = layers::columns(blocks.len(), &arrows);
    let mut net = net::Net::new(blocks, links, &arrows, &columns);
    order::sort_columns(&mut net);
    let mut middles = place::middles(&net);
    bands::part(&net, &mut middles);
    straight::straighten(&net, arrows.iter().map(|arrow| arrow.low), &mut middles);
    route::draw(&net, &arrows, &middles)
}

/// Counts are far below 2³²: a picture has no more items than memory holds.
fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests;
