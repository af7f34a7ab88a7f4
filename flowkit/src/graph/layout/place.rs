//! How high each item stands, once the order of its column is settled.
//!
//! Each item wants to be level with its neighbours, and none may come too near the next. The
//! closest such heights (least squares) are an isotonic regression, which pooling adjacent
//! violators solves in one pass:
//! <https://en.wikipedia.org/wiki/Isotonic_regression>.

use super::net::{ItemKind, Net, NetItem};
use super::{GROUP_MARGIN, GROUP_TITLE};

/// Sweeps over all columns. They look to the left and to the right by turns; the last four look to
/// both sides.
const SWEEPS: usize = 13;
const SWEEPS_TO_ONE_SIDE: usize = 9;
/// Between two boxes.
const BOX_GAP: f64 = 18.0;
/// Next to a bend: links may run closer together than boxes.
const BEND_GAP: f64 = 12.0;
/// How much more a bend wants to be level with a bend than a box with a box: long links should be
/// straight.
const BEND_PULL: f64 = 4.0;
/// How much a bend and a box want to be level: next to nothing, because a row of boxes looks better
/// than a long link with straight ends.
const END_PULL: f64 = 0.001;
/// What an item weighs that has no neighbours on the side a sweep comes from. It gives way.
const LOOSE_WEIGHT: f64 = 0.0001;

/// Returns the height of the middle of each item, larger further down.
pub(super) fn middles(net: &Net) -> Vec<f64> {
    let mut middles = vec![0.0; net.items.len()];
    let steps: Vec<Vec<f64>> = net.columns.iter().map(|column| steps(net, column)).collect();
    for (column, steps) in net.columns.iter().zip(&steps) {
        let half = steps.last().map_or(0.0, |last| last / 2.0);
        for (item, step) in column.iter().zip(steps) {
            middles[*item] = step - half;
        }
    }
    for sweep in 0..SWEEPS {
        let sides = match sweep {
            _ if sweep >= SWEEPS_TO_ONE_SIDE => vec![&net.lefts, &net.rights],
            _ if sweep % 2 == 0 => vec![&net.lefts],
            _ => vec![&net.rights],
        };
        for at in 0..net.columns.len() {
            let number = if sweep % 2 == 0 { at } else { net.columns.len() - 1 - at };
            let column = &net.columns[number];
            let wishes = column.iter().map(|&item| {
                let neighbours = || sides.iter().flat_map(|side| &side[item]);
                preferred(net, item, neighbours().map(|neighbour| (*neighbour, middles[*neighbour])))
                    .unwrap_or((middles[item], LOOSE_WEIGHT))
            });
            let wishes: Vec<(f64, f64)> = wishes.collect();
            for (item, middle) in column.iter().zip(spread(&wishes, &steps[number])) {
                middles[*item] = middle;
            }
        }
    }
    middles
}

/// Returns where `item` wants to be, and how much.
fn preferred(net: &Net, item: usize, neighbours: impl Iterator<Item = (usize, f64)>) -> Option<(f64, f64)> {
    // A label is placed like a box.
    let is_bend = |item: usize| {
        let item = &net.items[item];
        item.kind == ItemKind::Bend && item.width == 0.0
    };
    let (mut sum, mut weight) = (0.0, 0.0);
    for (neighbour, middle) in neighbours {
        let pull = match (is_bend(item), is_bend(neighbour)) {
            (true, true) => BEND_PULL,
            (false, false) => 1.0,
            _ => END_PULL,
        };
        sum += middle * pull;
        weight += pull;
    }
    (weight > 0.0).then(|| (sum / weight, weight))
}

/// Returns the least distance of each item of `column` from the first one, middle to middle.
fn steps(net: &Net, column: &[usize]) -> Vec<f64> {
    let mut steps = Vec::with_capacity(column.len());
    let mut step = 0.0;
    for (at, &number) in column.iter().enumerate() {
        let item = &net.items[number];
        if let Some(before) = at.checked_sub(1).map(|before| &net.items[column[before]]) {
            step += f64::midpoint(before.height, item.height) + gap(before, item);
        }
        steps.push(step);
    }
    steps
}

/// Returns the least room between two items, the first above the second.
pub(super) fn gap(above: &NetItem, below: &NetItem) -> f64 {
    let is_box = |item: &NetItem| item.kind == ItemKind::Block;
    let gap = if is_box(above) && is_box(below) { BOX_GAP } else { BEND_GAP };
    if above.group == below.group {
        return gap;
    }
    let bottom = if above.group.is_some() { GROUP_MARGIN } else { 0.0 };
    let top = if below.group.is_some() { GROUP_MARGIN + GROUP_TITLE } else { 0.0 };
    gap + bottom + top
}

/// A run of items that stand as close as they may, and so move as one.
struct ItemBlock {
    sum: f64,
    weight: f64,
    count: usize,
}

/// Returns the heights closest to the `wishes` (height, weight) that keep the distances of `steps`.
fn spread(wishes: &[(f64, f64)], steps: &[f64]) -> Vec<f64> {
    let mut pools: Vec<ItemBlock> = Vec::with_capacity(wishes.len());
    for ((preferred, weight), step) in wishes.iter().zip(steps) {
        let mut pool = ItemBlock { sum: (preferred - step) * weight, weight: *weight, count: 1 };
        while let Some(above) = pools.pop_if(|above| above.sum / above.weight >= pool.sum / pool.weight) {
            pool.sum += above.sum;
            pool.weight += above.weight;
            pool.count += above.count;
        }
        pools.push(pool);
    }
    let shifts = pools.iter().flat_map(|pool| std::iter::repeat_n(pool.sum / pool.weight, pool.count));
    shifts.zip(steps).map(|(shift, step)| shift + step).collect()
}

#[cfg(test)]
mod tests {
    use super::spread;

    const STEPS: [f64; 3] = [0.0, 10.0, 20.0];

    #[test]
    fn wishes_far_enough_apart_are_all_met() {
        let wishes = [(0.0, 1.0), (15.0, 1.0), (40.0, 1.0)];
        assert_eq!(spread(&wishes, &STEPS), [0.0, 15.0, 40.0]);
    }

    #[test]
    fn items_with_the_same_wish_stand_around_it() {
        let wishes = [(50.0, 1.0); 3];
        assert_eq!(spread(&wishes, &STEPS), [40.0, 50.0, 60.0]);
    }

    #[test]
    fn the_heavier_item_gives_way_less() {
        let wishes = [(0.0, 3.0), (2.0, 1.0), (90.0, 1.0)];
        assert_eq!(spread(&wishes, &STEPS), [-2.0, 8.0, 90.0]);
    }
}
