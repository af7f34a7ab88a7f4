//! Makes runs happen: starts attempts, waits, retries, stops. It asks `policy` what to do and tells `model` what happened.
//!
//! ```text
//! Call ─► launch ─► perform ─► inputs? ─► cache? ─► attempts ─► once ─► the user's function
//!           │                                          │
//!           ▼                                          ▼
//!        flow_run (record, events, children)        limits, clock, blocking
//! ```

pub(crate) mod attempt;
pub(crate) mod blocking;
pub(crate) mod cache;
pub(crate) mod clock;
pub(crate) mod context;
pub(crate) mod flow_run;
pub(crate) mod limits;
pub(crate) mod recover;
pub(crate) mod runtime;
pub(crate) mod task_run;
