//! Other crates that run graphs of tasks, each used as its documentation recommends, in its fastest documented way.

pub mod async_dag;
pub mod dagrs;
pub mod dagx;

/// Why a crate whose graph is complete before it runs cannot call a task in the middle of a function.
const GRAPH_FIRST: &str =
    "its graph is declared before it runs: no call in place, in the middle of a function";
const NO_CACHE: &str = "has no cache";
