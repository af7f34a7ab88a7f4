//! Numbers by which runs are compared: [`metric`].
//!
//! They are no monitoring of a program, such as requests per second: a metric belongs to one run.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::engine::context;
use crate::model::Metric;
use crate::store::FactKind;

/// Records a number for the task run, or the flow run, in whose body this is called. Of several with one name, the last one
/// counts.
///
/// Outside a flow it does nothing, which is logged once; on a thread that belongs to no task while a flow runs, it is
/// logged once per location: see [`Context::enter`](crate::Context::enter).
///
/// A task whose result comes from the cache does not run, so it measures nothing: return a number that every run shall
/// have, and call this in the flow.
///
/// ```
/// # use flowkit::prelude::*;
/// #[task]
/// async fn evaluate() -> f64 {
///     flowkit::metric("accuracy", 0.93);
///     0.93
/// }
/// # #[flow] async fn train() -> Result<f64> { Ok(evaluate().await?) }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let run = train().run().await;
/// assert_eq!(run.metrics().unwrap()[0].value, 0.93);
/// # }
/// ```
#[track_caller]
pub fn metric(name: impl Into<String>, value: impl Into<f64>) {
    measure(Metric { name: name.into(), step: None, value: value.into() });
}

/// Records a number of a series, such as the loss after each epoch. See [`metric`].
#[track_caller]
pub fn metric_at(name: impl Into<String>, step: u64, value: impl Into<f64>) {
    measure(Metric { name: name.into(), step: Some(step), value: value.into() });
}

#[track_caller]
fn measure(metric: Metric) {
    context::report(FactKind::Measured(metric));
}

/// Numbers that belong together, as a value that one task passes to the next: each number that is added is a [`metric`]
/// too.
///
/// ```
/// # use flowkit::prelude::*;
/// use flowkit::Metrics;
///
/// #[task]
/// async fn evaluate() -> Metrics {
///     let mut metrics = Metrics::new();
///     metrics.log("accuracy", 0.93);
///     metrics.log("recall", 0.9);
///     metrics
/// }
///
/// #[flow]
/// async fn train() -> Result<bool> {
///     Ok(evaluate().await?.get("accuracy").is_some_and(|accuracy| accuracy > 0.9))
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert!(train().await.unwrap());
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metrics(BTreeMap<String, f64>);

impl Metrics {
    /// Returns an empty collection.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a number, in place of an earlier one with this name, and records it for the task run.
    #[track_caller]
    pub fn log(&mut self, name: impl Into<String>, value: impl Into<f64>) {
        let (name, value) = (name.into(), value.into());
        metric(name.clone(), value);
        self.0.insert(name, value);
    }

    /// Returns a number by its name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0.get(name).copied()
    }

    /// Returns all of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }
}
