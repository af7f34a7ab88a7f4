//! What outlives an attempt of a flow, or the process: what is sent to the store, what earlier processes recorded, and the
//! results that a later attempt takes over. How it is stored is up to the store.

pub(crate) mod known;
pub(crate) mod memo;
pub(crate) mod previous;
pub(crate) mod run_store;
pub(crate) mod unknown;
