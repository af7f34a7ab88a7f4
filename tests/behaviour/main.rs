//! What users see, case by case: the letters and numbers are those of the behaviour list (A1, B2, …).
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]
#![allow(clippy::unwrap_used, reason = "a test may panic, in the flows that it calls too")]

mod arguments;
mod caching;
mod calls;
mod captured;
mod combinators;
mod map;
mod random_graphs;
mod smoke;
mod testing_tools;
