//! Makes runs happen: starts attempts, waits, retries, stops. It asks `policy` what to do and tells `model` what happened.
//!
//! ```text
//! Call ─► task_run: launch ─► inputs? ─► cache? ─► attempt ─► once ─► the user's function
//!             │                                       │
//!             ▼                                       ▼
//!         flow_run: record, children, stopping    limits, clock, blocking
//!             │
//!             ▼
//!         recover: what the store is told, what an earlier process left
//! ```

pub(crate) mod attempt;
pub(crate) mod blocking;
pub(crate) mod cache;
pub(crate) mod call_key;
pub(crate) mod context;
pub(crate) mod flow_run;
pub(crate) mod handle;
pub(crate) mod limits;
pub(crate) mod recover;
pub(crate) mod runtime;
pub(crate) mod task_run;
