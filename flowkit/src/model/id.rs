//! The ids of runs. The engine makes them.

use std::fmt;

use uuid::Uuid;

/// Identifies one run of a flow: a UUIDv7, so ids sort by the time at which they were made.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct FlowRunId(Uuid);

impl FlowRunId {
    /// Wraps a UUID.
    pub const fn new(id: Uuid) -> Self {
        Self(id)
    }

    /// Returns the UUID.
    pub const fn as_uuid(&self) -> Uuid {
        self.0
    }

    /// Returns the short form for people: seven letters and digits from the random part of the id.
    pub fn short(&self) -> String {
        // Crockford's alphabet, without letters that look like digits.
        const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
        let low = self.0.as_u64_pair().1;
        (0..7).map(|digit| char::from(ALPHABET[(low >> (5 * digit)) as usize & 31])).collect()
    }
}

impl fmt::Display for FlowRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for FlowRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FlowRunId({})", self.0)
    }
}

/// Identifies one task run within its flow run: the flow itself is 0, its calls are numbered from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct TaskRunId(u64);

impl TaskRunId {
    /// The flow run itself, the root of its record.
    pub const FLOW: Self = Self(0);

    /// Wraps a number.
    pub const fn new(id: u64) -> Self {
        Self(id)
    }

    /// Returns the number.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for TaskRunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
