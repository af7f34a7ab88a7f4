//! Makes runs happen: starts attempts, waits, retries, stops. It asks `policy` for decisions and records events in `model`.
//!
//! ```text
//! Call ─► task_run: launch ─► inputs ─► execute ─► attempt ─► once ─► the user's function
//!             │                                       │
//!             ▼                                       ▼
//!         flow_run: record, children, stopping    limits, clock, blocking
//!             │
//!             ▼
//!         replay: what the store persists, what an earlier process left
//! ```

pub(crate) mod attempt;
pub(crate) mod blocking;
pub(crate) mod body;
pub(crate) mod cache;
pub(crate) mod call_key;
pub(crate) mod context;
pub(crate) mod described;
pub(crate) mod flow_run;
pub(crate) mod handle;
pub(crate) mod hook;
pub(crate) mod limits;
pub(crate) mod mocks;
pub(crate) mod replay;
mod revision;
pub(crate) mod runtime;
pub(crate) mod spec;
pub(crate) mod task_name;
pub(crate) mod task_run;
