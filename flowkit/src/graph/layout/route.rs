//! From columns and heights to rectangles and lines.

use super::layers::Arrow;
use super::net::{ItemKind, Net};
use super::{GROUP_MARGIN, GROUP_TITLE, Layout, Rect, Route};

/// Between two columns: room for a curve and an arrow head, at least.
const COLUMN_GAP: f64 = 52.0;
/// How much wider the gap is for each pixel that a line in it rises or falls: no line gets too steep.
const GAP_PER_RISE: f64 = 0.12;
/// The widest gap. Past this, steep lines are the lesser evil.
const COLUMN_GAP_MAX: f64 = 220.0;

/// The left and right border of a column.
#[derive(Clone, Copy)]
struct Lane {
    left: f64,
    right: f64,
}

/// Returns the picture whose items have these `middles`.
pub(super) fn draw(net: &Net, arrows: &[Arrow], middles: &[f64]) -> Layout {
    let columns = columns(net, middles);
    let rect = |item: usize| {
        let Lane { left, right } = columns[net.items[item].column];
        let height = net.items[item].height;
        Rect { left, top: middles[item] - height / 2.0, width: right - left, height }
    };
    let mut groups: Vec<Option<Rect>> = vec![None; net.group_count];
    for (number, item) in net.items.iter().enumerate() {
        if let Some(group) = item.group {
            groups[group] = Some(groups[group].map_or(rect(number), |all| all.around(&rect(number))));
        }
    }
    let block_count = net.items.iter().take_while(|item| item.kind == ItemKind::Block).count();
    let routes =
        arrows.iter().zip(&net.bends).map(|(arrow, bends)| route(net, arrow, bends, &columns, middles));
    let mut layout = Layout {
        width: 0.0,
        height: 0.0,
        boxes: (0..block_count).map(rect).collect(),
        routes: routes.collect(),
        groups: groups.into_iter().map(|group| group.map_or(Rect::EMPTY, Rect::with_title)).collect(),
    };
    layout.move_to_origin();
    layout
}

fn columns(net: &Net, middles: &[f64]) -> Vec<Lane> {
    let mut left = 0.0;
    let column = |items: &Vec<usize>| {
        let width = items.iter().map(|item| net.items[*item].width).fold(0.0, f64::max);
        let rises = items
            .iter()
            .flat_map(|item| net.rights[*item].iter().map(|right| (middles[*right] - middles[*item]).abs()));
        let rise = rises.fold(0.0, f64::max);
        let column = Lane { left, right: left + width };
        left = column.right + (COLUMN_GAP + rise * GAP_PER_RISE).min(COLUMN_GAP_MAX);
        column
    };
    net.columns.iter().map(column).collect()
}

fn route(net: &Net, arrow: &Arrow, bends: &[usize], columns: &[Lane], middles: &[f64]) -> Route {
    let column = |item: usize| columns[net.items[item].column];
    let mut points = vec![(column(arrow.low).right, middles[arrow.low])];
    for &bend in bends {
        points.push((column(bend).left, middles[bend]));
        points.push((column(bend).right, middles[bend]));
    }
    points.push((column(arrow.high).left, middles[arrow.high]));
    let label = bends.first().map(|&bend| (bend, net.items[bend])).filter(|(_, item)| item.width > 0.0);
    let label = label.map(|(bend, item)| Rect {
        left: f64::midpoint(column(bend).left, column(bend).right) - item.width / 2.0,
        top: middles[bend] - item.height / 2.0,
        width: item.width,
        height: item.height,
    });
    if arrow.turned {
        points.reverse();
    }
    Route { points, label }
}

impl Rect {
    const EMPTY: Rect = Rect { left: 0.0, top: 0.0, width: 0.0, height: 0.0 };

    pub(crate) const fn right(&self) -> f64 {
        self.left + self.width
    }

    pub(crate) const fn bottom(&self) -> f64 {
        self.top + self.height
    }

    fn around(&self, other: &Rect) -> Rect {
        let (left, top) = (self.left.min(other.left), self.top.min(other.top));
        let (right, bottom) = (self.right().max(other.right()), self.bottom().max(other.bottom()));
        Rect { left, top, width: right - left, height: bottom - top }
    }

    /// Returns the background of a group with these contents.
    fn with_title(self) -> Rect {
        Rect {
            left: self.left - GROUP_MARGIN,
            top: self.top - GROUP_MARGIN - GROUP_TITLE,
            width: self.width + 2.0 * GROUP_MARGIN,
            height: self.height + 2.0 * GROUP_MARGIN + GROUP_TITLE,
        }
    }
}

impl Layout {
    /// Moves everything so that the picture starts at (0, 0), and notes its size.
    fn move_to_origin(&mut self) {
        let points = self.routes.iter().flat_map(|route| &route.points);
        let points = points.map(|&(left, top)| Rect { left, top, ..Rect::EMPTY });
        let labels = self.routes.iter().filter_map(|route| route.label.as_ref());
        let rects = self.boxes.iter().chain(&self.groups).chain(labels).copied();
        let Some(all) = rects.chain(points).reduce(|all, rect| all.around(&rect)) else {
            return;
        };
        (self.width, self.height) = (all.width, all.height);
        let labels = self.routes.iter_mut().filter_map(|route| route.label.as_mut());
        for rect in self.boxes.iter_mut().chain(&mut self.groups).chain(labels) {
            rect.left -= all.left;
            rect.top -= all.top;
        }
        for point in self.routes.iter_mut().flat_map(|route| &mut route.points) {
            *point = (point.0 - all.left, point.1 - all.top);
        }
    }
}
