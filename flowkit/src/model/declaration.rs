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
    /// The `owner` of a flow's attribute: who is to be asked about its runs.
    pub owner: Option<&'static str>,
    /// The folder of the flow's crate where the program was built, if cargo built it.
    pub built_in: Option<&'static str>,
    /// What `FLOWKIT_GIT_REVISION` said when the program was built.
    pub built_from: Option<&'static str>,
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
        let (owner, built_in, built_from) = (None, None, None);
        Self {
            kind,
            name,
            path,
            description,
            version,
            tags,
            source_hash,
            file,
            line,
            log_prints: true,
            owner,
            built_in,
            built_from,
        }
    }

    /// Returns the declaration with another `log_prints`.
    #[doc(hidden)]
    #[must_use]
    pub const fn __log_prints(mut self, log_prints: bool) -> Self {
        self.log_prints = log_prints;
        self
    }

    /// Returns the declaration with an owner.
    #[doc(hidden)]
    #[must_use]
    pub const fn __owner(mut self, owner: &'static str) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Returns the declaration with what was known of its origin when it was built.
    #[doc(hidden)]
    #[must_use]
    pub const fn __built(mut self, folder: Option<&'static str>, revision: Option<&'static str>) -> Self {
        self.built_in = folder;
        self.built_from = revision;
        self
    }
}
