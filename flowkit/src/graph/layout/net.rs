//! The graph with every long link cut into pieces of one column.
//!
//! After this, every piece joins two items in neighbouring columns, and whatever stands in a
//! column has a position in its order. So no link can pass behind a box.

use std::collections::{BTreeMap, HashMap};

use super::layers::Arrow;
use super::{Block, LayoutLink};

/// The most bends all links may have together; the links that are left then go straight.
///
/// It bounds the memory (to some 50 MB) for graphs that nobody can read as a picture anyway: ten
/// thousand tasks in a row, each reading the results of all before it, would have 10¹¹ bends.
const BENDS_MAX: usize = 200_000;

/// Something with a position in a column.
#[derive(Clone, Copy, Debug)]
pub(super) struct NetItem {
    pub kind: ItemKind,
    pub column: usize,
    pub group: Option<usize>,
    pub width: f64,
    pub height: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ItemKind {
    /// A box of the input.
    Block,
    /// Where a link passes a column, perhaps with its label.
    Bend,
    /// The position of a group in a column where it has nothing to show.
    Hold,
}

pub(super) struct Net {
    /// The boxes come first, in the order of the input.
    pub items: Vec<NetItem>,
    /// The items of each column, from top to bottom.
    pub columns: Vec<Vec<usize>>,
    /// The neighbours of each item in the column to its left.
    pub lefts: Vec<Vec<usize>>,
    /// The neighbours of each item in the column to its right.
    pub rights: Vec<Vec<usize>>,
    /// The bends of each link, from left to right.
    pub bends: Vec<Vec<usize>>,
    pub group_count: usize,
}

/// Links that share their way: they leave the same box in the same direction, and either all of
/// them stay in its group or none does.
type Trunk = (usize, bool, Option<usize>);

impl Net {
    pub(super) fn new(blocks: &[Block], links: &[LayoutLink], arrows: &[Arrow], columns: &[usize]) -> Net {
        let items = blocks.iter().zip(columns).map(|(block, &column)| NetItem {
            kind: ItemKind::Block,
            column,
            group: block.group,
            width: block.width,
            height: block.height,
        });
        let group_count = blocks.iter().filter_map(|block| block.group).max().map_or(0, |last| last + 1);
        let mut net = Net {
            items: items.collect(),
            columns: Vec::new(),
            lefts: vec![Vec::new(); blocks.len()],
            rights: vec![Vec::new(); blocks.len()],
            bends: Vec::with_capacity(links.len()),
            group_count,
        };
        net.add_bends(links, arrows);
        net.add_holds();
        net.columns = vec![Vec::new(); columns.iter().max().map_or(0, |last| last + 1)];
        for (number, item) in net.items.iter().enumerate() {
            net.columns[item.column].push(number);
        }
        net
    }

    fn add_bends(&mut self, links: &[LayoutLink], arrows: &[Arrow]) {
        let mut trunks: HashMap<Trunk, Vec<usize>> = HashMap::new();
        let mut bend_count = 0;
        for (link, arrow) in links.iter().zip(arrows) {
            let (low, high) = (self.items[arrow.low], self.items[arrow.high]);
            let group = low.group.filter(|_| low.group == high.group);
            let needed = high.column - low.column - 1;
            let mut own = Vec::new();
            let bends = match link.label {
                Some(_) => &mut own,
                None => trunks.entry((arrow.low, arrow.turned, group)).or_default(),
            };
            if bend_count + needed > BENDS_MAX {
                self.bends.push(Vec::new());
                continue;
            }
            bend_count += needed;
            while bends.len() < needed {
                let before = bends.last().copied().unwrap_or(arrow.low);
                bends.push(self.add_item(before, ItemKind::Bend, group));
            }
            let bends = bends[..needed].to_vec();
            if let (Some((width, height)), Some(&bend)) = (link.label, bends.first()) {
                self.items[bend].width = width;
                self.items[bend].height = height;
            }
            self.join(bends.last().copied().unwrap_or(arrow.low), arrow.high);
            self.bends.push(bends);
        }
    }

    /// Reserves a position for each group in every column between its first and its last.
    fn add_holds(&mut self) {
        let mut members: Vec<BTreeMap<usize, usize>> = vec![BTreeMap::new(); self.group_count];
        for (number, item) in self.items.iter().enumerate() {
            if let Some(group) = item.group {
                members[group].entry(item.column).or_insert(number);
            }
        }
        for (group, members) in members.into_iter().enumerate() {
            let ends: Vec<(usize, usize)> = members.into_iter().collect();
            for pair in ends.windows(2) {
                let [(from_column, from), (to_column, to)] = [pair[0], pair[1]];
                let mut last = from;
                for _ in from_column + 1..to_column {
                    last = self.add_item(last, ItemKind::Hold, Some(group));
                }
                if last != from {
                    self.join(last, to);
                }
            }
        }
    }

    /// Adds an empty item in the column after that of `before`, and joins the two.
    fn add_item(&mut self, before: usize, kind: ItemKind, group: Option<usize>) -> usize {
        let number = self.items.len();
        let column = self.items[before].column + 1;
        self.items.push(NetItem { kind, column, group, width: 0.0, height: 0.0 });
        self.lefts.push(Vec::new());
        self.rights.push(Vec::new());
        self.join(before, number);
        number
    }

    fn join(&mut self, left: usize, right: usize) {
        self.rights[left].push(right);
        self.lefts[right].push(left);
    }
}

#[cfg(test)]
mod tests {
    use super::super::layers;
    use super::*;

    const BLOCK: Block = Block { width: 100.0, height: 40.0, group: None };

    fn net(count: usize, links: impl Iterator<Item = (usize, usize)>) -> Net {
        let links: Vec<LayoutLink> = links.map(|(from, to)| LayoutLink { from, to, label: None }).collect();
        let arrows = layers::arrows(count, &links);
        Net::new(&vec![BLOCK; count], &links, &arrows, &layers::columns(count, &arrows))
    }

    #[test]
    fn links_that_leave_the_same_box_share_their_bends() {
        let net = net(4, [(0, 1), (1, 2), (2, 3), (0, 2), (0, 3)].into_iter());
        assert_eq!(net.bends, [vec![], vec![], vec![], vec![4], vec![4, 5]]);
    }

    #[test]
    fn links_too_many_and_too_long_to_be_bent_go_straight() {
        let chain = (1..1_000).map(|to| (to - 1, to));
        let net = net(1_000, chain.chain((0..500).map(|from| (from, from + 500))));
        assert_eq!(net.bends[999].len(), 499);
        assert_eq!(net.bends[999 + 499].len(), 0);
        assert!(net.items.len() <= 1_000 + BENDS_MAX);
    }
}
