//! The options of a screen.

use std::fmt;
use std::sync::Arc;

use crate::model::FlowRunId;
use crate::terminal::StyleSupport;
use crate::terminal::picture::Program;

/// The callback for lines that the program prints.
pub(super) type OnLine = Arc<dyn Fn(Option<FlowRunId>, &str) + Send + Sync>;

/// Options of a [`Screen`](super::Screen).
#[must_use = "options do nothing until a screen is attached"]
#[derive(Clone)]
pub struct Options {
    pub(super) program: Program,
    pub(super) json: bool,
    pub(super) quiet: bool,
    pub(super) owns_output: bool,
    pub(super) verbose: bool,
    pub(super) parameters: Option<String>,
    pub(super) style_support: Option<StyleSupport>,
    pub(super) on_line: Option<OnLine>,
}

impl Options {
    /// Prints lines of text to standard error and draws nothing, which suits every program.
    pub fn new(program: Program) -> Self {
        Self {
            program,
            json: false,
            quiet: false,
            owns_output: false,
            verbose: false,
            parameters: None,
            style_support: None,
            on_line: None,
        }
    }

    /// Writes JSON Lines to standard output instead, and nothing to standard error.
    pub fn json(mut self) -> Self {
        self.json = true;
        self
    }

    /// Prints nothing of a run that goes well, and at most 15 lines of one that does not: what failed, where, why, and how to
    /// continue. With [`owns_output`](Self::owns_output) and [`on_line`](Self::on_line), what the program prints is passed to
    /// that function only. [`json`](Self::json) overrides it.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Leaves the whole output to flowkit: if standard error is a terminal, runs are drawn on it, and what the program prints
    /// is captured and shown above them. Elsewhere it is passed on unchanged, and captured only if there is a function for its
    /// lines ([`on_line`](Self::on_line)). With [`json`](Self::json), what it prints goes to standard error.
    ///
    /// Output of the last 10 ms before `std::process::exit` or an abort may be lost: end the program by returning from `main`,
    /// after [`Screen::finish`](super::Screen::finish).
    pub fn owns_output(mut self) -> Self {
        self.owns_output = true;
        self
    }

    /// Prints a line for each task run that ends, also on a terminal.
    pub fn verbose(mut self) -> Self {
        self.verbose = true;
        self
    }

    /// Sets the arguments of the flow that are shown, as a JSON object.
    pub fn parameters(mut self, json: impl Into<String>) -> Self {
        self.parameters = Some(json.into());
        self
    }

    /// Sets what the terminal supports. Default: [`StyleSupport::from_env`].
    pub fn style_support(mut self, support: StyleSupport) -> Self {
        self.style_support = Some(support);
        self
    }

    /// Calls `on_line` with each captured line, without its escapes, and the flow run that began last.
    ///
    /// Which task printed the line is unknown: it is captured a moment later. A terminal is captured only while runs are drawn on
    /// it, any other target of the output also without that, unless `FLOWKIT_PROGRESS=plain` is set. All lines that were printed
    /// before a run ended are passed on before observers that are registered later get its end.
    pub fn on_line(mut self, on_line: impl Fn(Option<FlowRunId>, &str) + Send + Sync + 'static) -> Self {
        self.on_line = Some(Arc::new(on_line));
        self
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("program", &self.program)
            .field("json", &self.json)
            .field("owns_output", &self.owns_output)
            .finish_non_exhaustive()
    }
}
