//! How the program is called in the commands that are shown. Only commands that the program has are suggested.

use crate::model::FlowRunId;
use crate::text::columns::visible;

/// The program whose commands are shown, and which it has besides `show`, `logs` and `resume`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    name: String,
    flow: Option<String>,
    url: Option<String>,
    /// The environment variables that must be set to run again: secrets, which are not persisted.
    secrets: Vec<String>,
    has_ui: bool,
    has_like: bool,
    has_store: bool,
    can_resume: bool,
    suggests_show: bool,
}

impl Program {
    /// A program that people run by this name.
    pub fn new(name: &str) -> Self {
        Self {
            name: for_shell(name),
            flow: None,
            url: None,
            secrets: Vec::new(),
            has_ui: false,
            has_like: false,
            has_store: true,
            can_resume: true,
            suggests_show: true,
        }
    }

    /// Sets that its page is served at `url`, such as `http://127.0.0.1:4780`.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn at(mut self, url: &str) -> Self {
        self.url = Some(visible(url.trim_end_matches('/')));
        self
    }

    /// Sets that it has a command `ui` that opens the page.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn with_ui(mut self) -> Self {
        self.has_ui = true;
        self
    }

    /// Sets that `run` takes `--like <run>`, which repeats the arguments of a run.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn with_like(mut self) -> Self {
        self.has_like = true;
        self
    }

    /// Sets what people type to run the flow, since the run that is shown may have a name of its own.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn of_flow(mut self, typed: &str) -> Self {
        self.flow = Some(for_shell(typed));
        self
    }

    /// Sets that the arguments of its runs are not persisted, so that no run can be resumed or repeated.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn without_resume(mut self) -> Self {
        self.can_resume = false;
        self
    }

    /// Sets which environment variables must be set to resume a run: those of its secrets, which are not persisted.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn needing(mut self, secrets: Vec<String>) -> Self {
        self.secrets = secrets;
        self
    }

    /// Sets that the user asked for the run that is shown, so that the command for that need not be suggested.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn shown(mut self) -> Self {
        self.suggests_show = false;
        self
    }

    /// Whether the command that shows a completed run is suggested.
    pub(super) fn suggests_show(&self) -> bool {
        self.suggests_show
    }

    /// Sets that it has no store, so that its runs can be neither shown later nor resumed.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn without_store(mut self) -> Self {
        self.has_store = false;
        self
    }

    /// Returns the address of a run, if the page is served.
    pub(crate) fn link(&self, run: FlowRunId) -> Option<String> {
        Some(format!("{}/r/{}", self.url.as_ref()?, run.short()))
    }

    /// Returns the command `verb` for a run, if the run is persisted, for `resume` with its arguments.
    pub(crate) fn command(&self, verb: &str, run: FlowRunId) -> Option<String> {
        let is_known = self.has_store && (self.can_resume || verb != "resume");
        is_known.then(|| format!("{} {verb} {}", self.name, run.short()))
    }

    /// Returns the command that can_resume a run, as people type it.
    pub(crate) fn resume(&self, run: FlowRunId) -> Option<String> {
        Some(self.secret_variables() + &self.command("resume", run)?)
    }

    /// Returns the variables to set before a command, for people to fill in.
    fn secret_variables(&self) -> String {
        self.secrets.iter().map(|secret| format!("{secret}=… ")).collect()
    }

    /// Returns the command that runs a flow again with the same arguments.
    pub(super) fn like(&self, flow: &str, run: FlowRunId) -> Option<String> {
        let flow = self.flow.clone().unwrap_or_else(|| for_shell(flow));
        let is_known = self.has_like && self.has_store && self.can_resume;
        let secrets = self.secret_variables();
        is_known.then(|| format!("{secrets}{} run {flow} --like {}", self.name, run.short()))
    }

    /// Returns the command that opens the page of a run.
    pub(super) fn ui(&self, run: FlowRunId) -> Option<String> {
        if self.has_ui { self.command("ui", run) } else { None }
    }
}

/// Returns a name as a word of a shell, quoted if necessary.
pub(crate) fn for_shell(name: &str) -> String {
    let name = visible(name);
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    if !name.is_empty() && name.chars().all(is_plain) {
        return name;
    }
    format!("'{}'", name.replace('\'', "'\\''"))
}
