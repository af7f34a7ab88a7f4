//! What a task does: next to nothing, so that a pass measures the library and not the work.
//!
//! Sums wrap: the layered shape triples its values a hundred times.

/// Adds two numbers.
pub async fn add(a: u64, b: u64) -> u64 {
    a.wrapping_add(b)
}

/// Adds three numbers.
pub async fn add_three(a: u64, b: u64, c: u64) -> u64 {
    a.wrapping_add(b).wrapping_add(c)
}

/// Adds all numbers.
pub async fn sum(xs: &[u64]) -> u64 {
    wrapping_sum(xs.iter().copied())
}

/// Adds all numbers, in plain code.
pub fn wrapping_sum(xs: impl IntoIterator<Item = u64>) -> u64 {
    xs.into_iter().fold(0, u64::wrapping_add)
}
