//! What is printed.

pub mod json;
pub mod table;
