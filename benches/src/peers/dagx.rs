//! `dagx`: `#[task]` on an `impl`, typed handles, `DagRunner::run` with tokio as spawner.
//!
//! Layers of one task run in place ("inline fast path"), which is its fastest way and needs no option.
//! A task takes at most eight inputs; for more its documentation recommends tasks that aggregate in between.

use dagx::{DagRunner, Task, TaskHandle, task};

use super::{GRAPH_FIRST, NO_CACHE};
use crate::bodies::{add, add_three, sum, wrapping_sum};
use crate::shape::{Shape, neighbours};
use crate::side::Work;

type Handle = TaskHandle<u64>;

struct Add(u64, u64);

#[task]
impl Add {
    async fn run(&self) -> u64 {
        add(self.0, self.1).await
    }
}

struct AddTo(u64);

#[task]
impl AddTo {
    async fn run(&self, a: &u64) -> u64 {
        add(*a, self.0).await
    }
}

struct AddThree;

#[task]
impl AddThree {
    async fn run(a: &u64, b: &u64, c: &u64) -> u64 {
        add_three(*a, *b, *c).await
    }
}

struct SumEight;

#[task]
impl SumEight {
    #[expect(clippy::too_many_arguments, reason = "one parameter per input is how dagx takes them")]
    async fn run(a: &u64, b: &u64, c: &u64, d: &u64, e: &u64, f: &u64, g: &u64, h: &u64) -> u64 {
        sum(&[*a, *b, *c, *d, *e, *f, *g, *h]).await
    }
}

/// Runs `shape` as a dagx graph.
#[must_use]
pub fn work(shape: Shape) -> Option<Work> {
    let build: fn(&DagRunner, Shape) -> Vec<Handle> = match shape {
        Shape::Inline { .. } | Shape::CacheHit { .. } => return None,
        _ => build,
    };
    Some(Box::pin(async move {
        let dag = DagRunner::new();
        let ends = build(&dag, shape);
        let spawn = |future| {
            tokio::spawn(future);
        };
        dag.run(spawn).await.expect("the bodies do not fail");
        wrapping_sum(ends.iter().map(|end| dag.get(end).expect("the graph has run")))
    }))
}

/// What a reader of these rows must know.
#[must_use]
pub fn note(shape: Shape) -> Option<&'static str> {
    match shape {
        Shape::FanOut { .. } => Some("takes at most 8 inputs: 1000 are added up by a tree of tasks"),
        Shape::Inline { .. } => Some(GRAPH_FIRST),
        Shape::CacheHit { .. } => Some(NO_CACHE),
        _ => None,
    }
}

/// Declares the graph and returns the tasks whose results are added up.
fn build(dag: &DagRunner, shape: Shape) -> Vec<Handle> {
    match shape {
        Shape::Independent { tasks } => (0..tasks).map(|i| dag.add_task(Add(i, 1)).into()).collect(),
        Shape::Chain { tasks } => {
            let first: Handle = dag.add_task(Add(0, 1)).into();
            vec![(1..tasks).fold(first, |last, _| dag.add_task(AddTo(1)).depends_on(last))]
        }
        Shape::FanOut { width } => {
            let source: Handle = dag.add_task(Add(0, 1)).into();
            let middle = (0..width).map(|i| dag.add_task(AddTo(i)).depends_on(source)).collect();
            vec![sum_tree(dag, middle)]
        }
        Shape::Layered { layers, width } => {
            let first: Vec<Handle> = (0..width).map(|i| dag.add_task(Add(i, 1)).into()).collect();
            (1..layers).fold(first, |row, _| layer(dag, &row, width))
        }
        Shape::Inline { .. } | Shape::CacheHit { .. } => Vec::new(),
    }
}

fn layer(dag: &DagRunner, row: &[Handle], width: u64) -> Vec<Handle> {
    let node = |column| {
        let [a, b, c] = neighbours(column, width).map(|from| row[from]);
        dag.add_task(AddThree).depends_on((&a, &b, &c))
    };
    (0..width).map(node).collect()
}

fn sum_tree(dag: &DagRunner, mut level: Vec<Handle>) -> Handle {
    let zero: Handle = dag.add_task(Add(0, 0)).into();
    while level.len() > 1 {
        level = level.chunks(8).map(|inputs| sum_eight(dag, inputs, zero)).collect();
    }
    level[0]
}

fn sum_eight(dag: &DagRunner, inputs: &[Handle], zero: Handle) -> Handle {
    let mut eight = [zero; 8];
    eight[..inputs.len()].copy_from_slice(inputs);
    let [a, b, c, d, e, f, g, h] = &eight;
    dag.add_task(SumEight).depends_on((a, b, c, d, e, f, g, h))
}
