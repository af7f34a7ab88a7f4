//! How the program is called in the commands that are shown: nothing is offered that it does not know.

use crate::graph::text::visible;
use crate::model::FlowRunId;

/// The program whose commands are shown, and which of them it has beside `show`, `logs` and `resume`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    name: String,
    url: Option<String>,
    pages: bool,
    likes: bool,
    keeps: bool,
}

impl Program {
    /// A program that people call by this name.
    pub fn new(name: &str) -> Self {
        Self { name: visible(name), url: None, pages: false, likes: false, keeps: true }
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

    /// Returns the command `verb` for a run, if it is kept.
    pub(crate) fn command(&self, verb: &str, run: FlowRunId) -> Option<String> {
        self.keeps.then(|| format!("{} {verb} {}", self.name, run.short()))
    }

    /// Returns the command that runs a flow again with the same arguments.
    pub(super) fn like(&self, flow: &str, run: FlowRunId) -> Option<String> {
        (self.likes && self.keeps).then(|| format!("{} run {flow} --like {}", self.name, run.short()))
    }

    /// Returns the command that opens the page of a run.
    pub(super) fn ui(&self, run: FlowRunId) -> Option<String> {
        if self.pages { self.command("ui", run) } else { None }
    }
}
