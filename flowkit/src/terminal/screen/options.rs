//! What a program says of its screen.

use std::fmt;
use std::sync::Arc;

use crate::model::FlowRunId;
use crate::terminal::StyleSupport;
use crate::terminal::picture::Program;

/// Who hears of the lines that the program prints.
pub(super) type OnLine = Arc<dyn Fn(Option<FlowRunId>, &str) + Send + Sync>;

/// What a program says of its [`Screen`](super::Screen).
#[must_use = "options do nothing until a screen is attached"]
#[derive(Clone)]
pub struct Options {
    pub(super) program: Program,
    pub(super) json: bool,
    pub(super) owns_output: bool,
    pub(super) verbose: bool,
    pub(super) parameters: Option<String>,
    pub(super) paint: Option<StyleSupport>,
    pub(super) on_line: Option<OnLine>,
}

impl Options {
    /// Lines of text to standard error, nothing drawn: what is right for every program.
    pub fn new(program: Program) -> Self {
        Self {
            program,
            json: false,
            owns_output: false,
            verbose: false,
            parameters: None,
            paint: None,
            on_line: None,
        }
    }

    /// Writes JSON Lines to standard output instead, and nothing to standard error.
    pub fn json(mut self) -> Self {
        self.json = true;
        self
    }

    /// Leaves the whole output to flowkit: where standard error is a terminal, runs are drawn on it, and what the program
    /// prints is caught and shown above them. With [`json`](Self::json), what it prints goes to standard error.
    ///
    /// What is printed less than a moment (10 ms) before `std::process::exit` or an abort may not arrive: end the program by
    /// returning from `main`, after [`Screen::finish`](super::Screen::finish).
    pub fn owns_output(mut self) -> Self {
        self.owns_output = true;
        self
    }

    /// Gives each task run that ends a line of its own, also on a terminal.
    pub fn verbose(mut self) -> Self {
        self.verbose = true;
        self
    }

    /// Says with which arguments the flow is called, as a JSON object.
    pub fn parameters(mut self, json: impl Into<String>) -> Self {
        self.parameters = Some(json.into());
        self
    }

    /// Says what the terminal can show. Default: [`StyleSupport::of_surroundings`].
    pub fn paint(mut self, paint: StyleSupport) -> Self {
        self.paint = Some(paint);
        self
    }

    /// Calls `on_line` with each line that is caught, without its escapes, and the flow run that began last.
    ///
    /// Which task printed it cannot be said: a line is caught a moment after it was printed.
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
