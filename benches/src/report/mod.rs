//! What is printed.

pub mod json;
pub mod store;
pub mod table;
