//! Which column each box stands in: one more than the last column it waits for.

use super::LayoutLink;

/// A link that leads from a lower column to a higher one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrow {
    pub low: usize,
    pub high: usize,
    /// How many columns `high` is to the right of `low`, at least.
    pub length: usize,
    /// The link was turned round, because it closed a cycle.
    pub turned: bool,
}

/// Returns one arrow for each link, without cycles.
///
/// A link is turned round if a depth-first walk, in the order of the input, meets it on the way
/// back to a box it came through.
pub(super) fn arrows(count: usize, links: &[LayoutLink]) -> Vec<Arrow> {
    let turned = closing_links(count, links);
    let arrow = |(link, turned): (&LayoutLink, bool)| {
        let (low, high) = if turned { (link.to, link.from) } else { (link.from, link.to) };
        // A label stands in a column of its own, between the two boxes.
        let length = if link.label.is_some() { 2 } else { 1 };
        Arrow { low, high, length, turned }
    };
    links.iter().zip(turned).map(arrow).collect()
}

fn closing_links(count: usize, links: &[LayoutLink]) -> Vec<bool> {
    let mut outgoing = vec![Vec::new(); count];
    for (number, link) in links.iter().enumerate() {
        outgoing[link.from].push(number);
    }
    let mut turned = vec![false; links.len()];
    let mut on_path = vec![false; count];
    let mut seen = vec![false; count];
    // A stack of its own: the walk may be as deep as the graph.
    let mut path: Vec<(usize, usize)> = Vec::new();
    for start in 0..count {
        if !seen[start] {
            path.push((start, 0));
        }
        while let Some((block, next)) = path.last_mut() {
            seen[*block] = true;
            on_path[*block] = true;
            let Some(&number) = outgoing[*block].get(*next) else {
                on_path[*block] = false;
                path.pop();
                continue;
            };
            *next += 1;
            let to = links[number].to;
            turned[number] = on_path[to];
            if !seen[to] {
                path.push((to, 0));
            }
        }
    }
    turned
}

/// Returns the column of each box: the length of the longest way to it.
///
/// A box that waits for nothing stands just before the first box that waits for it.
pub(super) fn columns(count: usize, arrows: &[Arrow]) -> Vec<usize> {
    let mut outgoing = vec![Vec::new(); count];
    let mut waits_for = vec![0_usize; count];
    for arrow in arrows {
        outgoing[arrow.low].push(arrow);
        waits_for[arrow.high] += 1;
    }
    let starts: Vec<usize> = (0..count).filter(|block| waits_for[*block] == 0).collect();
    let mut columns = vec![0; count];
    let mut ready = starts.clone();
    while let Some(block) = ready.pop() {
        for arrow in &outgoing[block] {
            columns[arrow.high] = columns[arrow.high].max(columns[block] + arrow.length);
            waits_for[arrow.high] -= 1;
            if waits_for[arrow.high] == 0 {
                ready.push(arrow.high);
            }
        }
    }
    for start in starts {
        let latest = outgoing[start].iter().map(|arrow| columns[arrow.high] - arrow.length).min();
        columns[start] = latest.unwrap_or(0);
    }
    columns
}
