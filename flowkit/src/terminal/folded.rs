//! Task runs folded by name: the calls that one body makes of one task are one group. Knows the order and depth of the
//! groups, not their content.

use std::ops::{Index, IndexMut};

/// Flows may nest deeply; deeper groups are shown at this depth.
const DEPTH_MAX: usize = 6;

/// Groups by index, in first-seen order.
#[derive(Clone, Debug)]
pub(crate) struct Folded<T> {
    groups: Vec<T>,
    positions: Vec<GroupPosition>,
    /// The groups of the outermost body.
    top: Vec<usize>,
}

#[derive(Clone, Debug)]
struct GroupPosition {
    task: String,
    parent: Option<usize>,
    /// How many bodies lie around it.
    depth: usize,
    children: Vec<usize>,
}

impl<T> Folded<T> {
    pub(crate) const fn new() -> Self {
        Self { groups: Vec::new(), positions: Vec::new(), top: Vec::new() }
    }

    /// Returns the group of the calls of `task` in the bodies of the group `parent`. Creates it by `new`, which gets its depth,
    /// if there is none.
    pub(crate) fn group(&mut self, parent: Option<usize>, task: &str, new: impl FnOnce(usize) -> T) -> usize {
        let parent = match parent {
            Some(deepest) if self.positions[deepest].depth + 1 >= DEPTH_MAX => self.positions[deepest].parent,
            parent => parent,
        };
        let siblings = parent.map_or(&self.top, |parent| &self.positions[parent].children);
        if let Some(group) = siblings.iter().find(|group| self.positions[**group].task == task) {
            return *group;
        }
        let group = self.groups.len();
        let depth = parent.map_or(0, |parent| self.positions[parent].depth + 1);
        self.groups.push(new(depth));
        self.positions.push(GroupPosition { task: task.to_owned(), parent, depth, children: Vec::new() });
        match parent {
            Some(parent) => self.positions[parent].children.push(group),
            None => self.top.push(group),
        }
        group
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.groups.iter()
    }

    pub(crate) const fn len(&self) -> usize {
        self.groups.len()
    }

    /// Returns the groups in listing order, each before those inside it.
    pub(crate) fn in_order(&self) -> impl Iterator<Item = &T> {
        let mut next: Vec<usize> = self.top.iter().rev().copied().collect();
        std::iter::from_fn(move || {
            let group = next.pop()?;
            next.extend(self.positions[group].children.iter().rev());
            Some(&self.groups[group])
        })
    }
}

impl<T> Index<usize> for Folded<T> {
    type Output = T;

    fn index(&self, group: usize) -> &T {
        &self.groups[group]
    }
}

impl<T> IndexMut<usize> for Folded<T> {
    fn index_mut(&mut self, group: usize) -> &mut T {
        &mut self.groups[group]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_one_task_in_one_body_are_one_group_before_those_inside_it() {
        let mut folded = Folded::new();
        for _ in 0..2 {
            let outer = folded.group(None, "outer", |depth| (depth, "outer", 0));
            folded.group(None, "last", |depth| (depth, "last", 0));
            let inner = folded.group(Some(outer), "inner", |depth| (depth, "inner", 0));
            folded[inner].2 += 1;
            folded.group(Some(outer), "other", |depth| (depth, "other", 0));
        }
        let groups: Vec<_> = folded.in_order().copied().collect();
        assert_eq!(groups, [(0, "outer", 0), (1, "inner", 2), (1, "other", 0), (0, "last", 0)]);
    }

    #[test]
    fn however_deep_calls_lie_they_are_shown() {
        let mut folded = Folded::new();
        let down =
            |folded: &mut Folded<(usize, u32)>, around| folded.group(around, "down", |depth| (depth, 0));
        let deepest = (0..10_000).fold(None, |around, _| Some(down(&mut folded, around)));
        folded[deepest.unwrap()].1 += 1;
        assert_eq!(folded.in_order().count(), DEPTH_MAX);
        assert_eq!(folded.in_order().last(), Some(&(DEPTH_MAX - 1, 1)));
    }
}
