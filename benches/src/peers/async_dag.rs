//! `async_dag`: closures in a `Graph`, inputs set by position, `Graph::run`.
//!
//! A graph is not `Send` and spawns nothing: all its futures are polled by one thread, the one that awaits
//! `run`. That thread is a tokio worker here, as for the other sides. A task takes at most twelve inputs.

use async_dag::{Graph, NodeIndex};
use futures::executor::block_on;

use super::{GRAPH_FIRST, NO_CACHE};
use crate::bodies::{add, add_three, sum, wrapping_sum};
use crate::shape::{Shape, neighbours};
use crate::side::Work;

const ONE_THREAD: &str = "spawns nothing: one thread polls the whole graph";

/// Runs `shape` as an async_dag graph.
#[must_use]
pub fn work(shape: Shape) -> Option<Work> {
    match shape {
        Shape::Inline { .. } | Shape::CacheHit { .. } => None,
        // The graph lives and dies inside one poll: it may not cross an await of a `Send` future.
        _ => Some(Box::pin(async move { run(shape) })),
    }
}

/// What a reader of these rows must know.
#[must_use]
pub fn note(shape: Shape) -> Option<&'static str> {
    match shape {
        Shape::FanOut { .. } => {
            Some("one thread polls the whole graph; at most 12 inputs: 1000 are added up by a tree")
        }
        Shape::Inline { .. } => Some(GRAPH_FIRST),
        Shape::CacheHit { .. } => Some(NO_CACHE),
        _ => Some(ONE_THREAD),
    }
}

fn run(shape: Shape) -> u64 {
    let mut graph = Graph::new();
    let ends = build(&mut graph, shape);
    block_on(graph.run());
    wrapping_sum(ends.into_iter().map(|end| graph.get_value(end).expect("the graph has run")))
}

/// Declares the graph and returns the tasks whose results are added up.
fn build(graph: &mut Graph<'static>, shape: Shape) -> Vec<NodeIndex> {
    match shape {
        Shape::Independent { tasks } => (0..tasks).map(|i| graph.add_task(move || add(i, 1))).collect(),
        Shape::Chain { tasks } => {
            let first = graph.add_task(|| add(0, 1));
            vec![(1..tasks).fold(first, |last, _| add_to(graph, last, 1))]
        }
        Shape::FanOut { width } => {
            let source = graph.add_task(|| add(0, 1));
            let middle = (0..width).map(|i| add_to(graph, source, i)).collect();
            vec![sum_tree(graph, middle)]
        }
        Shape::Layered { layers, width } => {
            let mut row: Vec<NodeIndex> = (0..width).map(|i| graph.add_task(move || add(i, 1))).collect();
            for _ in 1..layers {
                row = (0..width)
                    .map(|column| three(graph, neighbours(column, width).map(|from| row[from])))
                    .collect();
            }
            row
        }
        Shape::Inline { .. } | Shape::CacheHit { .. } => Vec::new(),
    }
}

fn add_to(graph: &mut Graph<'static>, input: NodeIndex, amount: u64) -> NodeIndex {
    graph.add_child_task(input, move |a: u64| add(a, amount), 0).expect(TYPES_AGREE)
}

fn three(graph: &mut Graph<'static>, [a, b, c]: [NodeIndex; 3]) -> NodeIndex {
    let node = graph.add_child_task(a, add_three, 0).expect(TYPES_AGREE);
    graph.update_dependency(b, node, 1).expect(TYPES_AGREE);
    graph.update_dependency(c, node, 2).expect(TYPES_AGREE);
    node
}

fn sum_tree(graph: &mut Graph<'static>, mut level: Vec<NodeIndex>) -> NodeIndex {
    let zero = graph.add_task(|| add(0, 0));
    while level.len() > 1 {
        level = level.chunks(12).map(|inputs| sum_twelve(graph, inputs, zero)).collect();
    }
    level[0]
}

#[rustfmt::skip]
fn sum_twelve(graph: &mut Graph<'static>, inputs: &[NodeIndex], zero: NodeIndex) -> NodeIndex {
    let body = |a: u64, b: u64, c: u64, d: u64, e: u64, f: u64, g: u64, h: u64, i: u64, j: u64, k: u64, l: u64| async move {
        sum(&[a, b, c, d, e, f, g, h, i, j, k, l]).await
    };
    let node = graph.add_child_task(inputs[0], body, 0).expect(TYPES_AGREE);
    for position in 1..12_u8 {
        let input = inputs.get(usize::from(position)).copied().unwrap_or(zero);
        graph.update_dependency(input, node, position).expect(TYPES_AGREE);
    }
    node
}

const TYPES_AGREE: &str = "every value is a `u64`, and a new task closes no cycle";
