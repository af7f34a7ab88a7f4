//! What is printed.

pub mod compile;
pub mod json;
pub mod startup;
pub mod store;
pub mod table;
