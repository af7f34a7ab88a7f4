//! What outlives an attempt of a flow, or the whole process: what the store is told, what an earlier process left, and what
//! a later attempt takes over. Not: how it is written, which is the store's business.

pub(crate) mod conclude;
pub(crate) mod earlier;
pub(crate) mod journal;
pub(crate) mod kept;
pub(crate) mod known;
pub(crate) mod unknown;
