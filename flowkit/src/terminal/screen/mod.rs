//! The screen of a program that is the command line of its flows: the only place that draws on a terminal.
//!
//! ```text
//! notices, progress ─┐
//!                    ├─► Story: what is to be told ──► frame, at most ten in a second ──► the terminal
//! what is printed ───┘
//! ```
//!
//! Two locks, so that a terminal that stands still (Ctrl-S) holds up no task: the story is locked to note what happened
//! and to make a frame, the terminal while a frame is written.

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
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

#[cfg(unix)]
use self::capture::Capture;
#[cfg(unix)]
use self::divert::Divert;
pub(super) use self::mode::Mode;
use self::mode::Surroundings;
pub use self::options::Options;
use self::shared::ScreenState;
use self::story::Story;
#[cfg(unix)]
use self::tty::Tty;
#[cfg(not(unix))]
use self::without_unix::{self as tty, Capture, Divert, Tty};
pub use self::writer::{Stderr, stderr};
use super::{RunView, StyleSupport};
use crate::clock;
use crate::engine::runtime::Runtime;

/// Tells of the runs of a runtime until it is dropped: on a terminal, as lines, or as JSON Lines.
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
    /// Tells of the flow runs that begin on `runtime` from now on.
    ///
    /// There is one terminal, so a second screen, while there is one, writes lines.
    pub fn attach(runtime: &Runtime, mut options: Options) -> Self {
        if runtime.store().is_none() {
            options.program = options.program.without_store();
        }
        let screen = Self::open(options);
        let shared = Arc::clone(&screen.shared);
        runtime.observe(move |notice| shared.tell(|story| story.take(notice)));
        let shared = Arc::clone(&screen.shared);
        runtime.observe_progress(move |progress| shared.tell(|story| story.progress(progress)));
        let shared = Arc::clone(&screen.shared);
        runtime.observe_artifacts(move |made| shared.tell(|story| story.made(made)));
        screen
    }

    /// Opens a screen on which only what is given to [`show`](Self::show) is drawn.
    pub fn open(options: Options) -> Self {
        let variable = |name: &str| std::env::var(name).ok();
        let tty = Tty::open();
        let surroundings =
            Surroundings { is_terminal: tty.is_some(), is_piped: tty::stdout_is_pipe(), variable: &variable };
        let mode = Mode::of(options.json, options.owns_output, &surroundings);
        let owns_output = options.owns_output;
        let screen = Self::with(mode, options, tty);
        match mode {
            Mode::Live => screen.begin_to_draw(),
            Mode::Json if owns_output => {
                screen.shared.divert();
                screen
            }
            _ => screen,
        }
    }

    fn with(mode: Mode, options: Options, tty: Option<Tty>) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let paint = options.paint.unwrap_or_else(|| StyleSupport::of_surroundings(is_terminal));
        let columns = tty.as_ref().map_or(80, |tty| tty.size().0);
        let on_line = options.on_line.clone();
        let on_github = std::env::var_os("GITHUB_ACTIONS").is_some();
        let tty = tty.filter(|_| mode == Mode::Live);
        let story = Story::new(mode, options, paint, columns, on_github);
        Self { shared: ScreenState::new(story, tty, on_line), drawer: None }
    }

    /// Begins to draw; or falls back to lines, where something else draws, or what the program prints cannot be caught.
    fn begin_to_draw(mut self) -> Self {
        let shared = &self.shared;
        let can = writer::take_over(shared) && shared.capture().is_ok();
        let drawer = can.then(|| {
            let shared = Arc::clone(shared);
            let thread = std::thread::Builder::new().name("flowkit-screen".into());
            thread.spawn(move || shared.draw_until_closed())
        });
        match drawer {
            Some(Ok(drawer)) => self.drawer = Some(drawer),
            _ => {
                writer::give_up(shared);
                shared.fall_back();
                return self;
            }
        }
        #[cfg(unix)]
        stop::listen();
        if cfg!(panic = "abort") {
            close_at_panic(Arc::downgrade(&self.shared));
        }
        self
    }

    /// Shows a run as a store has it: one of another process, or what an earlier one did of a run that is resumed here.
    pub fn show(&self, view: RunView) {
        self.shared.tell(|story| story.show(view));
    }

    /// Says that the program was told to stop by `signal`, and that what runs has so much time to end.
    #[cfg_attr(not(unix), allow(dead_code, reason = "there are no signals"))]
    pub(crate) fn stopping(&self, signal: &'static str, patience: Duration) {
        self.shared.tell(|story| story.stopping(signal, patience, clock::wall_now()));
    }

    /// Prints how the runs ended, and gives the output back to the program.
    pub fn finish(self) {}
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.shared.close();
        if let Some(drawer) = self.drawer.take() {
            // It has nothing to say.
            let _ended = drawer.join();
        }
        writer::give_up(&self.shared);
    }
}

/// A panic that aborts has a message, which would be lost on its way through the capture.
fn close_at_panic(screen: Weak<ScreenState>) {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if let Some(screen) = screen.upgrade() {
            screen.close();
        }
        before(panic);
    }));
}

/// Returns what a scripted run is told as. For the page of the documentation.
#[cfg(test)]
pub(super) fn told(
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
