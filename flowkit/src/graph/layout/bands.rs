//! Groups as bands: no box of another group, or of none, stands in a group's rectangle.
//!
//! Within a column the order already keeps them apart. But a group is as high as its highest
//! column, so here whatever overlaps it in another column is pushed down, as little as possible.

use super::net::{Net, NetItem};
use super::place::gap;

/// Parts the groups of `net` from everything else by moving `middles` down.
///
/// Things are visited from top to bottom. There is such an order, because [`super::order`] sorts
/// groups the same way in all columns, and everything else stands in one column only.
pub(super) fn part(net: &Net, middles: &mut [f64]) {
    if net.group_count == 0 {
        return;
    }
    let things = Things::new(net);
    let mut above_count = things.aboves.iter().map(Vec::len).collect::<Vec<usize>>();
    let mut bottoms = vec![f64::MIN; things.aboves.len()];
    let mut ready: Vec<usize> = (0..above_count.len()).filter(|thing| above_count[*thing] == 0).collect();
    while let Some(thing) = ready.pop() {
        let members = &things.members[thing];
        let (top, bottom) = extent(net, members, middles);
        let room = |above: &usize| bottoms[*above] + things.room(net, *above, thing);
        let floor = things.aboves[thing].iter().map(room).fold(f64::MIN, f64::max);
        let push = (floor - top).max(0.0);
        for member in members {
            middles[*member] += push;
        }
        bottoms[thing] = bottom + push;
        for below in &things.belows[thing] {
            above_count[*below] -= 1;
            if above_count[*below] == 0 {
                ready.push(*below);
            }
        }
    }
}

/// What moves as one: the members of a group, or a single item.
struct Things {
    members: Vec<Vec<usize>>,
    aboves: Vec<Vec<usize>>,
    belows: Vec<Vec<usize>>,
}

impl Things {
    fn new(net: &Net) -> Things {
        let mut members = vec![Vec::new(); net.group_count];
        let thing_of = net.items.iter().enumerate().map(|(number, item)| {
            let thing = item.group.unwrap_or(members.len());
            if thing == members.len() {
                members.push(Vec::new());
            }
            members[thing].push(number);
            thing
        });
        let thing_of: Vec<usize> = thing_of.collect();
        let (mut aboves, mut belows) = (vec![Vec::new(); members.len()], vec![Vec::new(); members.len()]);
        for column in &net.columns {
            for pair in column.windows(2) {
                let (above, below) = (thing_of[pair[0]], thing_of[pair[1]]);
                if above != below {
                    aboves[below].push(above);
                    belows[above].push(below);
                }
            }
        }
        Things { members, aboves, belows }
    }

    fn room(&self, net: &Net, above: usize, below: usize) -> f64 {
        let item = |thing: usize| -> &NetItem { &net.items[self.members[thing][0]] };
        gap(item(above), item(below))
    }
}

fn extent(net: &Net, members: &[usize], middles: &[f64]) -> (f64, f64) {
    let half = |member: usize| net.items[member].height / 2.0;
    let top = members.iter().map(|&member| middles[member] - half(member)).fold(f64::MAX, f64::min);
    let bottom = members.iter().map(|&member| middles[member] + half(member)).fold(f64::MIN, f64::max);
    (top, bottom)
}
