//! The name of the process that runs a flow run, for people. Which process may write a run, the store decides.

use std::fmt;

/// The process that owns a run.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct OwnerName {
    /// Its process id.
    pub pid: u32,
    /// The host on which it runs.
    pub host: String,
}

impl OwnerName {
    /// Names a process.
    pub fn new(pid: u32, host: impl Into<String>) -> Self {
        Self { pid, host: host.into() }
    }
}

impl fmt::Display for OwnerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on {}", self.pid, self.host)
    }
}
