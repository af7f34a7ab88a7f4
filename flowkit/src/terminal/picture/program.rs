//! How the program is called in the commands that are shown: nothing is offered that it does not know.

use crate::model::FlowRunId;
use crate::text::columns::visible;

/// The program whose commands are shown, and which of them it has beside `show`, `logs` and `resume`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    name: String,
    flow: Option<String>,
    url: Option<String>,
    /// What must be set for a run to go on or to be done again: its secrets, which nobody keeps.
    secrets: Vec<String>,
    pages: bool,
    likes: bool,
    keeps: bool,
    resumes: bool,
    shows: bool,
}

impl Program {
    /// A program that people call by this name.
    pub fn new(name: &str) -> Self {
        Self {
            name: for_shell(name),
            flow: None,
            url: None,
            secrets: Vec::new(),
            pages: false,
            likes: false,
            keeps: true,
            resumes: true,
            shows: true,
        }
    }

    /// Says that its page is served at `url`, such as `http://127.0.0.1:4780`.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn at(mut self, url: &str) -> Self {
        self.url = Some(visible(url.trim_end_matches('/')));
        self
    }

    /// Says that it has a command `ui` that opens the page.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn with_ui(mut self) -> Self {
        self.pages = true;
        self
    }

    /// Says that `run` takes `--like <run>`: the same arguments again.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn with_like(mut self) -> Self {
        self.likes = true;
        self
    }

    /// Says what people type to run the flow of which it shows a run: the run may have a name of its own.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn of_flow(mut self, typed: &str) -> Self {
        self.flow = Some(for_shell(typed));
        self
    }

    /// Says that the arguments of its runs are not kept, so that none of them can be resumed, or done again like that.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn without_resume(mut self) -> Self {
        self.resumes = false;
        self
    }

    /// Says which environment variables must be set for a run to go on: those of its secrets, of which no record is kept.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn needing(mut self, secrets: Vec<String>) -> Self {
        self.secrets = secrets;
        self
    }

    /// Says that a run is shown because somebody asked for it, who needs not be told how.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn shown(mut self) -> Self {
        self.shows = false;
        self
    }

    /// Returns whether a run that has ended well is told with the command that shows it.
    pub(super) fn shows(&self) -> bool {
        self.shows
    }

    /// Says that it keeps nothing of its runs, so that there is nothing to look back at or to go on with.
    #[must_use = "returns the changed program; the original is gone"]
    pub fn without_store(mut self) -> Self {
        self.keeps = false;
        self
    }

    /// Returns where a run can be seen, if the page is served.
    pub(crate) fn link(&self, run: FlowRunId) -> Option<String> {
        Some(format!("{}/r/{}", self.url.as_ref()?, run.short()))
    }

    /// Returns the command `verb` for a run, if it is kept, and with its arguments if that needs them.
    pub(crate) fn command(&self, verb: &str, run: FlowRunId) -> Option<String> {
        let is_known = self.keeps && (self.resumes || verb != "resume");
        is_known.then(|| format!("{} {verb} {}", self.name, run.short()))
    }

    /// Returns the command that goes on with a run, as people type it.
    pub(crate) fn resume(&self, run: FlowRunId) -> Option<String> {
        Some(self.given() + &self.command("resume", run)?)
    }

    /// Writes what must be set before a command, for people to fill in.
    fn given(&self) -> String {
        self.secrets.iter().map(|secret| format!("{secret}=… ")).collect()
    }

    /// Returns the command that runs a flow again with the same arguments.
    pub(super) fn like(&self, flow: &str, run: FlowRunId) -> Option<String> {
        let flow = self.flow.clone().unwrap_or_else(|| for_shell(flow));
        let is_known = self.likes && self.keeps && self.resumes;
        let given = self.given();
        is_known.then(|| format!("{given}{} run {flow} --like {}", self.name, run.short()))
    }

    /// Returns the command that opens the page of a run.
    pub(super) fn ui(&self, run: FlowRunId) -> Option<String> {
        if self.pages { self.command("ui", run) } else { None }
    }
}

/// Returns a name as shells take it: brackets would be theirs.
pub(crate) fn for_shell(name: &str) -> String {
    let name = visible(name);
    let is_plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | ':');
    if !name.is_empty() && name.chars().all(is_plain) {
        return name;
    }
    format!("'{}'", name.replace('\'', "'\\''"))
}
