//! Which attribute is being read.

use std::fmt;

/// An attribute that takes options, or the part of one that does.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum AttributeKind {
    Task,
    Flow,
    TaskDefaults,
    Test,
}

impl AttributeKind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Task => "#[task]",
            Self::Flow => "#[flow]",
            Self::TaskDefaults => "task_defaults",
            Self::Test => "#[flowkit::test]",
        }
    }
}

impl fmt::Display for AttributeKind {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "`{}`", self.name())
    }
}
