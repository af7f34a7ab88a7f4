//! Task runs folded by name, as in the tree of `show`: what one body calls of one task is one line. Not what is said of them.

use std::collections::HashMap;

/// Flows may nest 10,000 deep; what lies deeper than this is shown at this depth.
const DEPTH_MAX: usize = 6;

/// Lines for task runs, each with what is said of them.
#[derive(Debug, Default)]
pub(super) struct Folded<T> {
    groups: Vec<Group<T>>,
    known: HashMap<(Option<usize>, String), usize>,
}

#[derive(Debug)]
struct Group<T> {
    task: String,
    parent: Option<usize>,
    depth: usize,
    said: T,
}

/// One line.
pub(super) struct Fold<T> {
    pub(super) task: String,
    /// How many bodies lie around it.
    pub(super) depth: usize,
    pub(super) said: T,
}

impl<T: Default> Folded<T> {
    /// Finds the line of the calls of `task` in the bodies of the line `parent`, or makes it.
    pub(super) fn group(&mut self, parent: Option<usize>, task: &str) -> usize {
        let parent = match parent {
            Some(deep) if self.groups[deep].depth + 1 >= DEPTH_MAX => self.groups[deep].parent,
            parent => parent,
        };
        let depth = parent.map_or(0, |parent| self.groups[parent].depth + 1);
        let new = self.groups.len();
        let group = *self.known.entry((parent, task.to_owned())).or_insert(new);
        if group == new {
            self.groups.push(Group { task: task.to_owned(), parent, depth, said: T::default() });
        }
        group
    }

    /// Returns what is said of a line.
    pub(super) fn said(&mut self, group: usize) -> &mut T {
        &mut self.groups[group].said
    }

    /// Returns the lines in the order in which they came, each before those inside it.
    pub(super) fn in_order(self) -> Vec<Fold<T>> {
        let mut inside: HashMap<Option<usize>, Vec<usize>> = HashMap::new();
        // The last one first: it is taken off the end.
        for (group, known) in self.groups.iter().enumerate().rev() {
            inside.entry(known.parent).or_default().push(group);
        }
        let mut groups: Vec<Option<Group<T>>> = self.groups.into_iter().map(Some).collect();
        let mut next = inside.remove(&None).unwrap_or_default();
        let mut folds = Vec::with_capacity(groups.len());
        while let Some(group) = next.pop() {
            next.extend(inside.remove(&Some(group)).unwrap_or_default());
            if let Some(Group { task, depth, said, .. }) = groups[group].take() {
                folds.push(Fold { task, depth, said });
            }
        }
        folds
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_one_task_in_one_body_are_one_line_before_those_inside_it() {
        let mut folded = Folded::<u32>::default();
        for _ in 0..2 {
            let outer = folded.group(None, "outer");
            folded.group(None, "last");
            let inner = folded.group(Some(outer), "inner");
            *folded.said(inner) += 1;
            folded.group(Some(outer), "other");
        }
        let lines: Vec<_> =
            folded.in_order().into_iter().map(|fold| (fold.depth, fold.task, fold.said)).collect();
        let line = |depth: usize, task: &str, said: u32| (depth, task.to_owned(), said);
        assert_eq!(
            lines,
            [line(0, "outer", 0), line(1, "inner", 2), line(1, "other", 0), line(0, "last", 0)]
        );
    }

    #[test]
    fn however_deep_calls_lie_they_are_shown() {
        let mut folded = Folded::<u32>::default();
        let deepest = (0..10_000).fold(None, |around, _| Some(folded.group(around, "down")));
        *folded.said(deepest.unwrap()) += 1;
        let lines = folded.in_order();
        assert_eq!(lines.len(), DEPTH_MAX);
        assert_eq!(lines.last().map(|fold| (fold.depth, fold.said)), Some((DEPTH_MAX - 1, 1)));
    }
}
