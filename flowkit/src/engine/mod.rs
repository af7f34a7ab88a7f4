//! Makes runs happen: starts attempts, waits, retries, stops. It asks `policy` what to do and tells `model` what happened.
//!
//! ```text
//! Call ─► launch ─► perform ─► inputs? ─► cache? ─► attempts ─► once ─► the user's function
//!           │                                          │
//!           ▼                                          ▼
//!        flow_run (record, events, children)        limits, clock, blocking
//! ```

pub(crate) mod attempt;
pub(crate) mod begin;
pub(crate) mod blocking;
pub(crate) mod cache;
pub(crate) mod cancellation;
pub(crate) mod clock;
pub(crate) mod conclude;
pub(crate) mod context;
pub(crate) mod core;
pub(crate) mod driver;
pub(crate) mod earlier;
pub(crate) mod flow;
pub(crate) mod flow_run;
pub(crate) mod hold;
pub(crate) mod hooks;
pub(crate) mod inputs;
pub(crate) mod journal;
pub(crate) mod kept;
pub(crate) mod launch;
pub(crate) mod limits;
pub(crate) mod live;
pub(crate) mod map;
pub(crate) mod observer;
pub(crate) mod once;
pub(crate) mod options;
pub(crate) mod panics;
pub(crate) mod patience;
pub(crate) mod perform;
pub(crate) mod promise;
pub(crate) mod queue;
pub(crate) mod runtime;
pub(crate) mod slot;
pub(crate) mod slots;
pub(crate) mod take_up;
