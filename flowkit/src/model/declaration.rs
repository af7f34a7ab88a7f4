//! What is known about a task or a flow at compile time, except its policy.

/// Whether something is a task or a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A task.
    Task,
    /// A flow.
    Flow,
}

impl Kind {
    /// Returns `"task"` or `"flow"`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Task => "task",
            Self::Flow => "flow",
        }
    }
}

/// A task or a flow as declared in the code.
#[derive(Debug)]
#[non_exhaustive]
pub struct Declaration {
    /// Task or flow.
    pub kind: Kind,
    /// The displayed name: the attribute's `name`, or the function's.
    pub name: &'static str,
    /// The function with its module path, such as `shop::etl::fetch`.
    pub path: &'static str,
    /// The attribute's `description`, or the doc comment.
    pub description: &'static str,
    /// The attribute's `version`.
    pub version: Option<&'static str>,
    /// The attribute's `tags`.
    pub tags: &'static [&'static str],
    /// A hash of the function's tokens, so that the cache treats a changed body as another task.
    pub source_hash: u64,
    /// The file of the function.
    pub file: &'static str,
    /// The line of the function.
    pub line: u32,
    /// The attribute's `log_prints`: whether the function's prints are stored in the log of its run.
    pub log_prints: bool,
}

impl Declaration {
    /// For the attributes, which cannot construct a non-exhaustive struct.
    #[doc(hidden)]
    #[allow(clippy::too_many_arguments, reason = "called by generated code only")]
    pub const fn __new(
        kind: Kind,
        name: &'static str,
        path: &'static str,
        description: &'static str,
        version: Option<&'static str>,
        tags: &'static [&'static str],
        source_hash: u64,
        file: &'static str,
        line: u32,
    ) -> Self {
        Self { kind, name, path, description, version, tags, source_hash, file, line, log_prints: true }
    }

    /// Returns the declaration with another `log_prints`.
    #[doc(hidden)]
    #[must_use]
    pub const fn __log_prints(mut self, log_prints: bool) -> Self {
        self.log_prints = log_prints;
        self
    }
}
