//! What users handle of a task: a call of it, its arguments and inputs, and the ways to wait for several runs.

pub mod args;
#[doc(hidden)]
pub mod bounds;
pub(crate) mod call;
pub(crate) mod combinators;
pub(crate) mod dispatch;
pub(crate) mod inputs;
pub mod items;
pub(crate) mod lists;
pub(crate) mod map;
pub(crate) mod once;
pub(crate) mod outcomes;
