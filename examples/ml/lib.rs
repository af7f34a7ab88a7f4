//! What the machine learning examples share: tables, a random forest and its scores, in plain Rust.
//!
//! Nothing here depends on flowkit: code that works on data is worth having without the pipeline around it.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "only the examples of this package use it")]

mod file;
mod forest;
mod table;

pub use file::replace;
pub use forest::{Forest, ForestOptions, Scores};
pub use table::Table;

/// A result whose error says what is wrong with a file.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// Knuth's generator: the same numbers from the same seed on every machine, today and in ten years.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Draws a whole number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }

    /// Draws from the standard normal distribution, by the Box-Muller transform.
    pub fn gaussian(&mut self) -> f64 {
        const STEPS: usize = 1 << 30;
        let mut uniform = || (self.below(STEPS) + 1) as f64 / STEPS as f64;
        let (radius, angle) = ((-2.0 * uniform().ln()).sqrt(), std::f64::consts::TAU * uniform());
        radius * angle.cos()
    }
}
