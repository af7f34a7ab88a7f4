//! The order of each column from top to bottom, with few crossings.
//!
//! Sweeps to the right and back, each item going to the mean position of its neighbours (the
//! barycentre). The members of a group stay together, and groups keep one order in all columns.

use std::cmp::Ordering;

use super::net::Net;
use super::real;

/// After about a dozen sweeps the number of crossings hardly falls any more.
const SWEEPS: usize = 12;

/// Sorts the columns of `net`, keeping the best of all sweeps.
pub(super) fn sort_columns(net: &mut Net) {
    let mut positions = vec![0.0; net.items.len()];
    let mut best: Option<(usize, Vec<Vec<usize>>)> = None;
    for column in 0..net.columns.len() {
        note_positions(&net.columns[column], &mut positions);
    }
    for sweep in 0..SWEEPS {
        let ranks = group_ranks(net, &positions);
        for at in 0..net.columns.len() {
            let to_the_right = sweep % 2 == 0;
            let column = if to_the_right { at } else { net.columns.len() - 1 - at };
            let neighbours = if to_the_right { &net.lefts } else { &net.rights };
            let keys = net.columns[column].iter().map(|item| (*item, mean(&neighbours[*item], &positions)));
            let keys: Vec<(usize, Option<f64>)> = keys.collect();
            net.columns[column] = sorted(net, &keys, &ranks, &positions);
            note_positions(&net.columns[column], &mut positions);
        }
        let crossings = crossings(net, &positions);
        if best.as_ref().is_none_or(|(least, _)| crossings < *least) {
            best = Some((crossings, net.columns.clone()));
        }
        if crossings == 0 {
            break;
        }
    }
    if let Some((_, columns)) = best {
        net.columns = columns;
    }
}

fn note_positions(column: &[usize], positions: &mut [f64]) {
    for (position, item) in column.iter().enumerate() {
        positions[*item] = real(position);
    }
}

fn mean(neighbours: &[usize], positions: &[f64]) -> Option<f64> {
    let sum: f64 = neighbours.iter().map(|neighbour| positions[*neighbour]).sum();
    (!neighbours.is_empty()).then(|| sum / real(neighbours.len()))
}

/// Returns the order of the groups: by the mean position of their members, as a share of the column.
fn group_ranks(net: &Net, positions: &[f64]) -> Vec<usize> {
    let mut sums = vec![(0.0, 0_usize); net.group_count];
    for (item, position) in net.items.iter().zip(positions) {
        if let Some(group) = item.group {
            sums[group].0 += (position + 0.5) / real(net.columns[item.column].len());
            sums[group].1 += 1;
        }
    }
    let mean = |group: usize| sums[group].0 / real(sums[group].1.max(1));
    let mut groups: Vec<usize> = (0..net.group_count).collect();
    groups.sort_by(|a, b| mean(*a).total_cmp(&mean(*b)));
    let mut ranks = vec![0; net.group_count];
    for (rank, group) in groups.into_iter().enumerate() {
        ranks[group] = rank;
    }
    ranks
}

/// Items that stay together: the members of one group, or a single item.
struct Bundle {
    group: Option<usize>,
    key: f64,
    items: Vec<(usize, f64)>,
}

/// Returns the items of one column in their new order. Those without a key stay near their position.
fn sorted(net: &Net, keys: &[(usize, Option<f64>)], ranks: &[usize], positions: &[f64]) -> Vec<usize> {
    let mut bundles: Vec<Bundle> = Vec::new();
    let mut bundle_of: Vec<Option<usize>> = vec![None; ranks.len()];
    for (item, key) in keys {
        let key = key.unwrap_or(positions[*item]);
        let group = net.items[*item].group;
        let known = group.and_then(|group| bundle_of[group]);
        if let Some(bundle) = known {
            bundles[bundle].items.push((*item, key));
        } else {
            if let Some(group) = group {
                bundle_of[group] = Some(bundles.len());
            }
            bundles.push(Bundle { group, key, items: vec![(*item, key)] });
        }
    }
    for bundle in bundles.iter_mut().filter(|bundle| bundle.items.len() > 1) {
        bundle.items.sort_by(|a, b| a.1.total_cmp(&b.1));
        bundle.key = bundle.items.iter().map(|(_, key)| key).sum::<f64>() / real(bundle.items.len());
    }
    bundles.sort_by(|a, b| a.key.total_cmp(&b.key));
    rank_groups(&mut bundles, ranks);
    bundles.into_iter().flat_map(|bundle| bundle.items).map(|(item, _)| item).collect()
}

/// Puts the groups among `bundles` into the order of `ranks`; everything else stays in its position.
fn rank_groups(bundles: &mut [Bundle], ranks: &[usize]) {
    let slots: Vec<usize> = (0..bundles.len()).filter(|at| bundles[*at].group.is_some()).collect();
    for done in 0..slots.len() {
        let rank = |slot: &usize| bundles[*slot].group.map(|group| ranks[group]);
        if let Some(&least) = slots[done..].iter().min_by_key(|slot| rank(slot)) {
            bundles.swap(slots[done], least);
        }
    }
}

/// Counts the pairs of pieces that cross.
fn crossings(net: &Net, positions: &[f64]) -> usize {
    let mut total = 0;
    for pair in net.columns.windows(2) {
        let mut ends: Vec<f64> = Vec::new();
        for item in &pair[0] {
            let from = ends.len();
            ends.extend(net.rights[*item].iter().map(|right| positions[*right]));
            ends[from..].sort_by(f64::total_cmp);
        }
        total += inversions(&mut ends);
    }
    total
}

/// Counts the pairs in the wrong order, by sorting `values` (merge sort).
fn inversions(values: &mut [f64]) -> usize {
    if values.len() < 2 {
        return 0;
    }
    let (left, right) = values.split_at_mut(values.len() / 2);
    let mut count = inversions(left) + inversions(right);
    let (mut merged, mut at) = (Vec::with_capacity(left.len() + right.len()), 0);
    for value in right.iter() {
        while at < left.len() && left[at].total_cmp(value) != Ordering::Greater {
            merged.push(left[at]);
            at += 1;
        }
        count += left.len() - at;
        merged.push(*value);
    }
    merged.extend_from_slice(&left[at..]);
    values.copy_from_slice(&merged);
    count
}

#[cfg(test)]
mod tests {
    use super::inversions;

    #[test]
    fn inversions_are_the_pairs_in_the_wrong_order() {
        assert_eq!(inversions(&mut []), 0);
        assert_eq!(inversions(&mut [1.0, 1.0, 2.0]), 0);
        assert_eq!(inversions(&mut [3.0, 1.0, 2.0]), 2);
        assert_eq!(inversions(&mut [4.0, 3.0, 2.0, 1.0]), 6);
    }
}
