//! What the threads share that tell, print and draw.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::mode::Mode;
use super::options::OnLine;
use super::story::Story;
use super::{Capture, Divert, Tty};
use crate::clock;
use crate::engine::attempt::panics::guarded;

/// The time from one frame to the next.
const FRAME: Duration = Duration::from_millis(100);

/// The time after which lines are written: so much of what was printed is lost at most when the program ends without
/// warning.
const LINES: Duration = Duration::from_millis(10);

/// More than this is written at once, on the thread that has it, so that who prints faster than a terminal can show has
/// to wait as without flowkit.
const READY_MAX: usize = 64 * 1024;

/// The story, the terminal, and what brings news from one to the other.
pub(super) struct ScreenState {
    told: Mutex<Announced>,
    news: Condvar,
    /// Locked before the story, never after it.
    tty: Mutex<Option<Tty>>,
    capture: Mutex<Option<Capture>>,
    on_line: Option<OnLine>,
}

struct Announced {
    story: Story,
    /// Where JSON Lines go, if what the program prints goes elsewhere.
    divert: Option<Divert>,
    /// The columns and rows of the terminal.
    size: (usize, usize),
    has_news: bool,
    is_closed: bool,
    /// Somebody else may have written below what is drawn.
    is_doubtful: bool,
    /// The program is about to be stopped: nothing is drawn until it goes on.
    is_paused: bool,
}

impl ScreenState {
    pub(super) fn new(story: Story, tty: Option<Tty>, on_line: Option<OnLine>) -> Arc<Self> {
        let told = Announced {
            story,
            divert: None,
            size: (0, 0),
            has_news: false,
            is_closed: false,
            is_doubtful: false,
            is_paused: false,
        };
        Arc::new(Self {
            told: Mutex::new(told),
            news: Condvar::new(),
            tty: Mutex::new(tty),
            capture: Mutex::new(None),
            on_line,
        })
    }

    pub(super) fn is_live(&self) -> bool {
        let told = self.told.lock();
        told.story.mode == Mode::Live && !told.is_closed
    }

    /// Writes lines from now on: nothing can be drawn after all.
    pub(super) fn fall_back(&self) {
        // Dropped without the lock, since it waits for the thread that reads.
        let capture = self.capture.lock().take();
        drop(capture);
        self.told.lock().story.mode = Mode::Lines;
        self.tty.lock().take();
    }

    /// Begins to catch what the program prints.
    ///
    /// # Errors
    ///
    /// If the system does not let it.
    pub(super) fn capture(self: &Arc<Self>) -> std::io::Result<()> {
        let tty = self.tty.lock();
        let Some(tty) = tty.as_ref() else { return Ok(()) };
        let shared = Arc::clone(self);
        *self.capture.lock() = Some(Capture::start(tty.file(), move |bytes| shared.print(bytes))?);
        Ok(())
    }

    /// Keeps standard output for JSON Lines. Where that cannot be, what the program prints stands between them.
    pub(super) fn divert(&self) {
        self.told.lock().divert = Divert::start().ok();
    }

    /// Changes the story, and has it shown: with the next frame, or at once where nothing is drawn.
    pub(super) fn tell(&self, change: impl FnOnce(&mut Story)) {
        let mut told = self.told.lock();
        if told.is_closed {
            return;
        }
        change(&mut told.story);
        match told.story.mode {
            Mode::Live => {
                told.has_news = true;
                self.news.notify_all();
            }
            // Written under the lock, so that lines stand in the order of their events. A reader that has gone away is
            // no reason to fail.
            mode => {
                let ready = std::mem::take(&mut told.story.ready);
                append_to_page(&std::mem::take(&mut told.story.tables));
                let _gone = match (mode, &mut told.divert) {
                    (Mode::Json, Some(divert)) => divert.write(&ready),
                    (Mode::Json, None) => std::io::stdout().lock().write_all(&ready),
                    _ => std::io::stderr().lock().write_all(&ready),
                };
            }
        }
    }

    /// Takes what the program printed.
    fn print(&self, bytes: &[u8]) {
        let (mut lines, mut run) = (Vec::new(), None);
        self.tell(|story| {
            lines = story.print(bytes);
            run = story.run();
        });
        if let Some(on_line) = &self.on_line {
            for line in &lines {
                guarded("on_line", || on_line(run, line));
            }
        }
        self.write_if_much();
    }

    /// Takes lines from somebody who knows of the screen.
    pub(super) fn print_lines(&self, lines: &[u8]) {
        self.tell(|story| story.print_lines(lines));
        self.write_if_much();
    }

    fn write_if_much(&self) {
        let much = self.told.lock().story.ready.len() > READY_MAX;
        if much {
            self.draw();
        }
    }

    /// Says that somebody else may have written to the terminal, as a shell does when the program was stopped.
    #[cfg(unix)]
    pub(super) fn doubt(&self) {
        self.told.lock().is_doubtful = true;
    }

    /// Erases what is drawn, and draws nothing until it is called with `false`.
    #[cfg(unix)]
    pub(super) fn pause(&self, is_paused: bool) {
        {
            let mut told = self.told.lock();
            told.is_paused = is_paused;
            told.has_news = true;
        }
        self.draw();
        self.news.notify_all();
    }

    /// Draws frames until the screen is closed.
    pub(super) fn draw_until_closed(&self) {
        loop {
            {
                let mut told = self.told.lock();
                while !told.is_closed && !told.has_news && !told.story.is_moving() {
                    self.news.wait(&mut told);
                }
                if told.is_closed {
                    return;
                }
            }
            self.draw();
            let mut told = self.told.lock();
            if !told.is_closed {
                // News wake it too early; then it goes back to sleep, so that frames stay apart.
                let begin = clock::now();
                loop {
                    let pause = if told.story.ready.is_empty() { FRAME } else { LINES };
                    let end = (begin + pause).into_std();
                    if told.is_closed || self.news.wait_until(&mut told, end).timed_out() {
                        break;
                    }
                }
            }
        }
    }

    /// Draws one frame.
    fn draw(&self) {
        let mut tty = self.tty.lock();
        let Some(tty) = tty.as_mut() else { return };
        let mut told = self.told.lock();
        told.has_news = false;
        let (columns, rows) = tty.size();
        let is_resized = std::mem::replace(&mut told.size, (columns, rows)) != (columns, rows);
        told.story.columns = columns;
        let is_ours = tty.is_ours();
        if std::mem::take(&mut told.is_doubtful) || !is_ours {
            tty.leave();
        }
        let above = std::mem::take(&mut told.story.ready);
        let lines = match is_ours && !told.is_closed && !told.is_paused {
            true => told.story.area(rows, clock::wall()),
            false => Vec::new(),
        };
        let paint = told.story.paint;
        drop(told);
        tty.draw(&above, &lines, paint);
        if is_resized && let Some(capture) = &*self.capture.lock() {
            capture.resize(tty.file());
        }
    }

    /// Gives the output back, tells what is left, and leaves the terminal clean.
    pub(super) fn close(&self) {
        // First, since what was printed before belongs above the end.
        let capture = self.capture.lock().take();
        drop(capture);
        let open_line = {
            let mut told = self.told.lock();
            let run = told.story.run();
            let line = if told.is_closed { None } else { told.story.end_line() };
            told.story.report_ends();
            told.is_closed = true;
            told.divert = None;
            line.map(|line| (run, line))
        };
        if let (Some(on_line), Some((run, line))) = (&self.on_line, open_line) {
            guarded("on_line", || on_line(run, &line));
        }
        self.news.notify_all();
        self.draw();
    }
}

/// Appends a table to the page of a GitHub job.
fn append_to_page(table: &str) {
    if table.is_empty() {
        return;
    }
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY") else { return };
    // The page is an extra, and the lines have said all of it.
    if let Ok(mut page) = std::fs::OpenOptions::new().append(true).create(true).open(path) {
        let _full = page.write_all(table.as_bytes());
    }
}

impl fmt::Debug for ScreenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").finish_non_exhaustive()
    }
}
