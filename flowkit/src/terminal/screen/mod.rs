//! The screen of a program: the only room that draws on a terminal.
//!
//! ```text
//! notices, progress ─┐
//!                    ├─► Story: what is to be shown ──► frame, at most ten in a second ──► the terminal
//! captured output ───┘
//! ```
//!
//! Two locks, so that a blocked terminal (Ctrl-S) blocks no task: the story is locked to record an event and to make a frame,
//! the terminal while a frame is written.

#[cfg(unix)]
mod capture;
#[cfg(unix)]
mod divert;
#[cfg(unix)]
mod frame;
mod mode;
mod options;
mod shared;
#[cfg(unix)]
mod stop;
mod story;
#[cfg(unix)]
mod tty;
mod user;
#[cfg(not(unix))]
mod without_unix;
mod writer;

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

#[cfg(unix)]
use self::capture::{Capture, Onward};
#[cfg(unix)]
use self::divert::Divert;
pub(super) use self::mode::Mode;
use self::mode::{Environment, Wishes};
pub use self::options::Options;
use self::shared::ScreenState;
use self::story::Story;
#[cfg(unix)]
use self::tty::Tty;
#[cfg(not(unix))]
use self::without_unix::{self as tty, Capture, Divert, Onward, Tty};
pub use self::writer::{Stderr, stderr};
use super::{RunView, StyleSupport};
use crate::clock;
use crate::engine::runtime::Runtime;
use crate::model::TaskRunId;

/// How wide the lines about a run that failed may be in the mail of a cron job.
const BRIEF_COLUMNS: usize = 120;

/// Shows the runs of a runtime until it is dropped: on a terminal, as lines, or as JSON Lines.
///
/// ```no_run
/// # async fn example(runtime: flowkit::Runtime) {
/// use flowkit::terminal::picture::Program;
/// use flowkit::terminal::{Options, Screen};
///
/// let screen = Screen::attach(&runtime, Options::new(Program::new("mybin")).owns_output());
/// // … run flows on the runtime …
/// screen.finish();
/// # }
/// ```
#[must_use = "the screen is closed when this is dropped"]
#[derive(Debug)]
pub struct Screen {
    shared: Arc<ScreenState>,
    drawer: Option<JoinHandle<()>>,
}

impl Screen {
    /// Shows the flow runs that begin on `runtime` from now on.
    ///
    /// Only one screen draws at a time: a second one prints lines.
    pub fn attach(runtime: &Runtime, mut options: Options) -> Self {
        if runtime.store().is_none() {
            options.program = options.program.without_store();
        }
        let screen = Self::open(options);
        let shared = Arc::clone(&screen.shared);
        runtime.observe(move |notice| {
            // What was printed before belongs to the run, which is unknown once its end is announced.
            if notice.origin.is_none()
                && notice.event.task_run == TaskRunId::FLOW
                && notice.event.kind.is_end()
            {
                shared.wait_until_taken();
            }
            shared.update(|story| story.take(notice));
        });
        let shared = Arc::clone(&screen.shared);
        runtime.observe_progress(move |progress| shared.update(|story| story.progress(progress)));
        let shared = Arc::clone(&screen.shared);
        runtime.observe_artifacts(move |made| shared.update(|story| story.artifact(made)));
        screen
    }

    /// Opens a screen that shows only what is passed to [`show`](Self::show).
    pub fn open(options: Options) -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let tty = Tty::open();
        let environment =
            Environment { is_terminal: tty.is_some(), is_piped: tty::stdout_is_pipe(), variable: &variable };
        let Options { json, quiet, owns_output, .. } = options;
        let mode = Mode::of(Wishes { json, quiet, owns_output }, &environment);
        let is_captured = owns_output && options.on_line.is_some() && !environment.wants_plain_progress();
        let screen = Self::with(mode, options, tty);
        match mode {
            Mode::Live => return screen.start_drawing(),
            Mode::Json if owns_output && !screen.shared.divert() => return screen,
            _ => {}
        }
        if is_captured && writer::register(&screen.shared) {
            // Without it the log has less in it; the output goes where it went.
            let _uncaptured = screen.shared.capture_streams();
            screen.close_at_abort();
        }
        screen
    }

    fn with(mode: Mode, options: Options, tty: Option<Tty>) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let style = options.style_support.unwrap_or_else(|| StyleSupport::from_env(is_terminal));
        let columns =
            tty.as_ref().map_or(if mode == Mode::Quiet { BRIEF_COLUMNS } else { 80 }, |tty| tty.size().0);
        let on_line = options.on_line.clone();
        let on_github = std::env::var_os("GITHUB_ACTIONS").is_some();
        let tty = tty.filter(|_| mode == Mode::Live);
        let story = Story::new(mode, options, style, columns, on_github);
        Self { shared: ScreenState::new(story, tty, on_line), drawer: None }
    }

    /// Starts to draw; or falls back to lines if another screen draws, or the program's output cannot be captured.
    fn start_drawing(mut self) -> Self {
        let shared = &self.shared;
        let is_ready = writer::register(shared) && shared.capture_terminal().is_ok();
        let drawer = is_ready.then(|| {
            let shared = Arc::clone(shared);
            let thread = std::thread::Builder::new().name("flowkit-screen".into());
            thread.spawn(move || shared.draw_until_closed())
        });
        match drawer {
            Some(Ok(drawer)) => self.drawer = Some(drawer),
            _ => {
                writer::unregister(shared);
                shared.fall_back();
                return self;
            }
        }
        #[cfg(unix)]
        stop::listen();
        self.close_at_abort();
        self
    }

    /// The message of a panic that aborts would be lost in the capture, so the screen is closed first.
    fn close_at_abort(&self) {
        if !cfg!(panic = "abort") {
            return;
        }
        let (screen, before) = (Arc::downgrade(&self.shared), std::panic::take_hook());
        std::panic::set_hook(Box::new(move |panic| {
            if let Some(screen) = screen.upgrade() {
                screen.close();
            }
            before(panic);
        }));
    }

    /// Shows a run as it is stored: a run of another process, or what earlier processes did of a run that is resumed here.
    pub fn show(&self, view: RunView) {
        self.shared.update(|story| story.show(view));
    }

    /// Shows that `signal` stops the program, and that running tasks have this long to end.
    #[cfg_attr(not(unix), allow(dead_code, reason = "there are no signals"))]
    pub(crate) fn stopping(&self, signal: &'static str, grace: Duration) {
        self.shared.update(|story| story.stopping(signal, grace, clock::wall_now()));
    }

    /// Prints how the runs ended, and restores the program's output.
    pub fn finish(self) {}
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.shared.close();
        if let Some(drawer) = self.drawer.take() {
            // Its result is nothing.
            let _ended = drawer.join();
        }
        writer::unregister(&self.shared);
    }
}

/// Returns what is printed for a scripted run, for the page of the documentation.
#[cfg(test)]
pub(super) fn rendered(
    mode: Mode,
    columns: usize,
    program: super::picture::Program,
    run: impl FnOnce(&mut super::script::Script<'_>),
) -> String {
    let options = Options::new(program).parameters(r#"{"urls":["a","b","c","d"],"dry_run":false}"#);
    let mut story = Story::new(mode, options, StyleSupport::default(), columns, false);
    run(&mut super::script::Script::new(&mut |notice| story.take(notice)));
    String::from_utf8(story.ready).expect("it is made from strings")
}
