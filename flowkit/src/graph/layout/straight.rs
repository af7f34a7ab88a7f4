//! Long links made straight, once everything has its height.
//!
//! Only bends move, each of them between its neighbours above and below. Boxes and groups stay.

use super::net::{ItemKind, Net, NetItem};
use super::place::gap;

/// The second round uses the room that the first one made.
const ROUNDS: usize = 2;

/// Makes the bends of each link level over as many columns as there is room for.
pub(super) fn straighten(net: &Net, lows: impl Iterator<Item = usize>, middles: &mut [f64]) {
    let room = Room::new(net, middles);
    let lows: Vec<usize> = lows.collect();
    // Links that share bends are straightened once, with the longest of them.
    let mut longest: Vec<(usize, &[usize])> = Vec::new();
    let mut owner = vec![usize::MAX; net.items.len()];
    for (low, bends) in lows.iter().zip(&net.bends) {
        let Some(&first) = bends.first() else {
            continue;
        };
        if owner[first] == usize::MAX {
            owner[first] = longest.len();
            longest.push((*low, bends));
        } else if longest[owner[first]].1.len() < bends.len() {
            longest[owner[first]] = (*low, bends);
        }
    }
    for _ in 0..ROUNDS {
        for (low, bends) in &longest {
            level_runs(&room, *low, bends, middles);
        }
    }
}

/// Cuts `bends` into the longest runs that can be level, from left to right, and levels them.
fn level_runs(room: &Room<'_>, low: usize, bends: &[usize], middles: &mut [f64]) {
    let mut before = low;
    let mut start = 0;
    while start < bends.len() {
        let (mut top, mut bottom) = room.around(bends[start], middles);
        let mut end = start + 1;
        while end < bends.len() {
            let (next_top, next_bottom) = room.around(bends[end], middles);
            if next_top.max(top) > next_bottom.min(bottom) {
                break;
            }
            (top, bottom) = (top.max(next_top), bottom.min(next_bottom));
            end += 1;
        }
        let after = room.net.rights[bends[end - 1]].first().copied();
        let preferred = [Some(before), after]
            .into_iter()
            .flatten()
            .map(|neighbour| middles[neighbour])
            .find(|middle| (top..=bottom).contains(middle))
            .unwrap_or(middles[bends[start]]);
        // Not `clamp`: rounding may leave `top` a little below `bottom`.
        let level = preferred.max(top).min(bottom);
        for bend in &bends[start..end] {
            middles[*bend] = level;
        }
        before = bends[end - 1];
        start = end;
    }
}

/// The room that each bend has in its column.
struct Room<'a> {
    net: &'a Net,
    positions: Vec<usize>,
    /// The top and the bottom of each group.
    groups: Vec<(f64, f64)>,
}

impl Room<'_> {
    fn new<'a>(net: &'a Net, middles: &[f64]) -> Room<'a> {
        let mut positions = vec![0; net.items.len()];
        for column in &net.columns {
            for (position, item) in column.iter().enumerate() {
                positions[*item] = position;
            }
        }
        let mut groups = vec![(f64::MAX, f64::MIN); net.group_count];
        for (item, middle) in net.items.iter().zip(middles) {
            if let Some(group) = item.group {
                let (top, bottom) = groups[group];
                let half = item.height / 2.0;
                groups[group] = (top.min(middle - half), bottom.max(middle + half));
            }
        }
        Room { net, positions, groups }
    }

    /// Returns the least and the greatest height the middle of `bend` may have.
    fn around(&self, bend: usize, middles: &[f64]) -> (f64, f64) {
        let item = &self.net.items[bend];
        debug_assert_eq!(item.kind, ItemKind::Bend);
        let column = &self.net.columns[item.column];
        let position = self.positions[bend];
        let above = position.checked_sub(1).map(|position| column[position]);
        let below = column.get(position + 1).copied();
        let own = item.group.map(|group| self.groups[group]);
        let half = item.height / 2.0;
        let top = match (above, own) {
            (Some(above), own) if own.is_none() || self.shares_group(above, item) => {
                self.edges(above, item, middles).1 + gap(&self.net.items[above], item)
            }
            (_, own) => own.map_or(f64::MIN, |(top, _)| top),
        };
        let bottom = match (below, own) {
            (Some(below), own) if own.is_none() || self.shares_group(below, item) => {
                self.edges(below, item, middles).0 - gap(item, &self.net.items[below])
            }
            (_, own) => own.map_or(f64::MAX, |(_, bottom)| bottom),
        };
        (top + half, bottom - half)
    }

    fn shares_group(&self, other: usize, item: &NetItem) -> bool {
        self.net.items[other].group == item.group
    }

    /// Returns the top and the bottom of what `item` must not touch: `other`, or all of its group.
    fn edges(&self, other: usize, item: &NetItem, middles: &[f64]) -> (f64, f64) {
        let half = self.net.items[other].height / 2.0;
        match self.net.items[other].group {
            Some(group) if Some(group) != item.group => self.groups[group],
            _ => (middles[other] - half, middles[other] + half),
        }
    }
}
