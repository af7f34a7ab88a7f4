//! Folding: one node for many that are alike, for graphs too large to be read node by node.
//!
//! Nodes are taken one after the other, and none of them is held: there may be a million. It is
//! deliberately blind to how the graph is drawn. Folding a graph without cycles may create
//! some (`a` feeds `b`, which feeds the next `a`); the layout copes with that.

use std::borrow::Cow;
use std::collections::HashMap;

use super::{Edge, Graph, Node};
use crate::model::{EdgeKind, State};

/// Nodes are folded by more than their task only if that makes at most this many: about as many boxes as a screen shows.
const FINE_MAX: usize = 100;

/// What a variable part of a name becomes: `align 17` and `align 18` are both `align *`.
const VARIABLE: char = '*';

impl Graph {
    /// Returns this graph with one node for all that are alike, if it has more than `limit` nodes.
    ///
    /// Alike are runs of one task; in different groups, or with names of their own that differ in
    /// more than numbers, only if there were too many nodes otherwise.
    ///
    /// A node that stands for several has the label `fetch ×4`, the id of the first of them, the
    /// worst of their states, the most attempts and the longest duration. It keeps a parent only if
    /// all of them share it, and a group only if those of all differ in numbers at most. Edges are
    /// merged: data wins over order, and a label stays if no two of them differ. Edges inside a
    /// folded node are dropped.
    ///
    /// ```
    /// use flowkit::graph::{Edge, Graph, Node};
    ///
    /// let fetches = (0..4).map(|id| Node::new(id, "fetch"));
    /// let nodes = fetches.chain([Node::new(9, "merge")]);
    /// let graph = Graph::new("etl", nodes, (0..4).map(|id| Edge::data(id, 9)));
    ///
    /// let folded = graph.folded(4);
    /// assert_eq!(folded.nodes()[0].label, "fetch ×4");
    /// assert_eq!(folded.edges(), [Edge::data(0, 9)]);
    /// assert_eq!(graph.folded(5), graph);
    /// ```
    #[must_use]
    pub fn folded(&self, limit: usize) -> Graph {
        if self.nodes.len() <= limit {
            return self.clone();
        }
        self.folded_to(usize::MAX)
    }

    /// Returns this graph folded, by more than the task only if that makes at most `edges_max` edges.
    pub(super) fn folded_to(&self, edges_max: usize) -> Graph {
        let mut folding = Folding::default();
        self.nodes.iter().for_each(|node| folding.add(node));
        self.nodes.iter().for_each(|node| folding.nest(node));
        self.edges.iter().for_each(|edge| folding.connect(edge));
        let (nodes, edges) = folding.finish(edges_max);
        Graph { name: self.name.clone(), nodes, edges, is_whole: self.is_whole }
    }
}

/// By what nodes are folded, beside their task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FoldBy {
    /// Their group and their own name.
    Name,
    Group,
    Task,
}

/// A graph that is folded while it is read, in several ways at once: which of them is best is known at the end.
#[derive(Debug)]
pub(crate) struct Folding {
    /// The place of each node in the order in which they came.
    positions: HashMap<u64, u32>,
    /// The finest first. One that has too many nodes is dropped, but not the last.
    levels: Vec<Level>,
}

impl Default for Folding {
    fn default() -> Self {
        let levels = [FoldBy::Name, FoldBy::Group, FoldBy::Task].map(Level::new).into();
        Self { positions: HashMap::new(), levels }
    }
}

impl Folding {
    /// Takes a node.
    pub(crate) fn add(&mut self, node: &Node) {
        let position = u32::try_from(self.positions.len()).unwrap_or(u32::MAX);
        self.positions.insert(node.id, position);
        self.levels.iter_mut().for_each(|level| level.add(node));
        if self.levels.len() > 1 {
            self.levels.retain(|level| level.by == FoldBy::Task || level.folded.len() <= FINE_MAX);
        }
    }

    /// Takes the parent of a node, after both were added.
    pub(crate) fn nest(&mut self, node: &Node) {
        let Some(position) = self.positions.get(&node.id) else { return };
        let parent = node.parent.map(|parent| (parent, self.positions.get(&parent).copied()));
        self.levels.iter_mut().for_each(|level| level.nest(*position, parent));
    }

    /// Takes an edge, after both of its ends were added.
    pub(crate) fn connect(&mut self, edge: &Edge) {
        let (Some(from), Some(to)) = (self.positions.get(&edge.from), self.positions.get(&edge.to)) else {
            return;
        };
        self.levels.iter_mut().for_each(|level| level.connect(*from, *to, edge));
    }

    /// Returns the nodes and edges of the finest way that is not too fine.
    pub(crate) fn finish(self, edges_max: usize) -> (Vec<Node>, Vec<Edge>) {
        let mut levels = self.levels;
        let fits = |level: &Level| level.by == FoldBy::Task || level.edges.len() <= edges_max;
        let best = levels.iter().position(fits).unwrap_or(0);
        levels.swap_remove(best).finish()
    }
}

/// What the nodes have in common that one node stands for.
type Key = (Cow<'static, str>, Option<String>, Option<String>);

/// One way to fold.
#[derive(Debug)]
struct Level {
    by: FoldBy,
    places: HashMap<Key, u32>,
    folded: Vec<Folded>,
    /// Which folded node the node at a position became.
    place_of: Vec<u32>,
    edges: Vec<Edge>,
    edge_places: HashMap<(u32, u32), usize>,
    /// Whether edges with different labels were merged.
    disputed: Vec<bool>,
}

/// A node that stands for some.
#[derive(Debug)]
struct Folded {
    all: Node,
    key: Key,
    count: usize,
    /// The parent of the first, if that was taken, and whether it is that of all.
    parent: Option<(Option<u64>, bool)>,
}

impl Level {
    fn new(by: FoldBy) -> Self {
        Self {
            by,
            places: HashMap::new(),
            folded: Vec::new(),
            place_of: Vec::new(),
            edges: Vec::new(),
            edge_places: HashMap::new(),
            disputed: Vec::new(),
        }
    }

    fn key(&self, node: &Node) -> Key {
        let group = node.group.as_deref().filter(|_| self.by != FoldBy::Task).map(template);
        let name = own_name(node).filter(|_| self.by == FoldBy::Name).map(template);
        (node.task.clone(), group, name)
    }

    fn add(&mut self, node: &Node) {
        let key = self.key(node);
        let place = match self.places.get(&key) {
            Some(place) => {
                let folded = &mut self.folded[*place as usize];
                folded.absorb(node);
                *place
            }
            None => {
                let place = u32::try_from(self.folded.len()).unwrap_or(u32::MAX);
                self.places.insert(key.clone(), place);
                self.folded.push(Folded { all: node.clone(), key, count: 1, parent: None });
                place
            }
        };
        self.place_of.push(place);
    }

    /// Parents are compared after folding: the calls of `clean` in `fetch[0]` and in `fetch[1]`
    /// were all made by `fetch`.
    fn nest(&mut self, position: u32, parent: Option<(u64, Option<u32>)>) {
        let became = parent.map(|(id, position)| {
            position.map_or(id, |position| self.folded[self.place_of[position as usize] as usize].all.id)
        });
        let folded = &mut self.folded[self.place_of[position as usize] as usize];
        match &mut folded.parent {
            Some((first, is_shared)) => *is_shared &= *first == became,
            None => folded.parent = Some((became, true)),
        }
    }

    fn connect(&mut self, from: u32, to: u32, edge: &Edge) {
        let (from, to) = (self.place_of[from as usize], self.place_of[to as usize]);
        if from == to {
            return;
        }
        let place = *self.edge_places.entry((from, to)).or_insert(self.edges.len());
        let Some(all) = self.edges.get_mut(place) else {
            let (from, to) = (self.folded[from as usize].all.id, self.folded[to as usize].all.id);
            self.edges.push(Edge { from, to, ..edge.clone() });
            self.disputed.push(false);
            return;
        };
        if edge.kind == EdgeKind::Data {
            all.kind = EdgeKind::Data;
        }
        self.disputed[place] |= all.label.is_some() && edge.label.is_some() && all.label != edge.label;
        all.label = all.label.take().or_else(|| edge.label.clone());
    }

    fn finish(self) -> (Vec<Node>, Vec<Edge>) {
        // A name tells more than the task only if the runs of the task have several.
        let mut names = HashMap::<(&str, Option<&str>), usize>::new();
        for Folded { key: (task, group, _), .. } in &self.folded {
            *names.entry((task, group.as_deref())).or_default() += 1;
        }
        let nodes = self.folded.iter().map(|folded| {
            let (task, group, _) = &folded.key;
            folded.node(names[&(&**task, group.as_deref())] > 1)
        });
        let nodes = nodes.collect();
        let edges = self.edges.into_iter().zip(self.disputed).map(|(mut edge, disputed)| {
            edge.label = edge.label.take().filter(|_| !disputed);
            edge
        });
        (nodes, edges.collect())
    }
}

impl Folded {
    fn absorb(&mut self, node: &Node) {
        let all = &mut self.all;
        self.count += 1;
        if badness(node.state) > badness(all.state) {
            all.state = node.state;
        }
        if all.group != node.group {
            all.group = self.key.1.as_deref().map(Into::into);
        }
        all.attempts = all.attempts.max(node.attempts);
        all.duration = all.duration.max(node.duration);
    }

    fn node(&self, is_by_name: bool) -> Node {
        let mut node = self.all.clone();
        let (task, _, name) = &self.key;
        if self.count > 1 {
            let name = name.as_deref().filter(|_| is_by_name).unwrap_or(task);
            node.label = format!("{name} ×{}", self.count);
        }
        let parent = self.parent.and_then(|(parent, is_shared)| parent.filter(|_| is_shared));
        node.parent = parent.filter(|parent| *parent != node.id);
        node
    }
}

/// Returns the name that a node has beside that of its task and an index.
fn own_name(node: &Node) -> Option<&str> {
    let is_index = |rest: &str| {
        let index = rest.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        index.is_some_and(|index| index.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let is_the_tasks =
        node.label.strip_prefix(&*node.task).is_some_and(|rest| rest.is_empty() || is_index(rest));
    (!is_the_tasks).then_some(node.label.as_str())
}

/// Returns what names that differ only in numbers share.
fn template(name: &str) -> String {
    let mut shared = String::with_capacity(name.len());
    for c in name.chars() {
        if !c.is_ascii_digit() {
            shared.push(c);
        } else if !shared.ends_with(VARIABLE) {
            shared.push(VARIABLE);
        }
    }
    shared
}

/// How much a state calls for attention: failures first, then what was stopped, then what is not
/// over yet, then what went well.
const fn badness(state: State) -> u8 {
    match state {
        State::Failed => 14,
        State::Crashed => 13,
        State::TimedOut => 12,
        State::UpstreamFailed => 11,
        State::Cancelled => 10,
        State::Cancelling => 9,
        State::AwaitingRetry => 8,
        State::Running => 7,
        State::Suspended => 6,
        State::Waiting => 5,
        State::Pending => 4,
        State::Scheduled => 3,
        State::Skipped => 2,
        State::Completed => 1,
        State::Cached => 0,
    }
}
