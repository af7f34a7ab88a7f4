//! What outlives an attempt of a flow, or the whole process: what the store is told, what an earlier process left, and what
//! a later attempt takes over. Not: how it is written, which is the store's business.

pub(crate) mod known;
pub(crate) mod memo;
pub(crate) mod previous;
pub(crate) mod run_store;
pub(crate) mod unknown;
