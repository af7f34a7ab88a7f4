//! One task run, from the user's call to its end: found its flow, recorded, held until its inputs are there, carried out.
//!
//! Not: the tries of its body, which are in `attempt`.

pub(crate) mod completion;
pub(crate) mod core;
pub(crate) mod driver;
pub(crate) mod execute;
pub(crate) mod finish;
pub(crate) mod inputs;
pub(crate) mod interrupted;
pub(crate) mod launch;
pub(crate) mod on_heap;
pub(crate) mod options;
pub(crate) mod queue;
pub(crate) mod slot;
