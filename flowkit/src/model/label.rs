//! The name of a run in messages.

use std::fmt;
use std::sync::Arc;

use super::Kind;

/// Names a run in an error: prints as ``task `fetch[3]` ``.
#[derive(Clone, PartialEq, Eq)]
pub struct RunLabel(Arc<(Kind, String)>);

impl RunLabel {
    pub(crate) fn new(kind: Kind, label: String) -> Self {
        Self(Arc::new((kind, label)))
    }

    /// Whether it is a task or a flow.
    pub fn kind(&self) -> Kind {
        self.0.0
    }

    /// Returns the name of the run, with an index if it comes from `map`.
    pub fn as_str(&self) -> &str {
        &self.0.1
    }
}

impl fmt::Display for RunLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} `{}`", self.kind().name(), self.as_str())
    }
}

impl fmt::Debug for RunLabel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
