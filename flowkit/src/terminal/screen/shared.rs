//! The state that is shared by the threads that report events, capture output and draw.

use std::fmt;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};

use super::mode::Mode;
use super::options::OnLine;
use super::story::Story;
use super::user::{UserLines, plain};
use super::{Capture, Divert, Onward, Tty};
use crate::clock;
use crate::engine::attempt::panics::guarded;
use crate::model::FlowRunId;

/// The time from one frame to the next.
const FRAME: Duration = Duration::from_millis(100);

/// The time after which captured lines are written: this much output is lost at most if the program ends without warning.
const LINES: Duration = Duration::from_millis(10);

/// More bytes than this are written at once, by the thread that produced them, so that a program that prints faster than the
/// terminal has to wait as it would without flowkit.
const READY_MAX: usize = 64 * 1024;

/// The story, the terminal, and the signal from one to the other.
pub(super) struct ScreenState {
    inner: Mutex<Inner>,
    changed: Condvar,
    /// Locked before the story, never after it.
    tty: Mutex<Option<Tty>>,
    /// Locked after the story, never before it.
    capture: Mutex<Option<Capture>>,
    on_line: Option<OnLine>,
    /// The run that began last, for lines that are captured without the story.
    last_run: Mutex<Option<FlowRunId>>,
    /// The unfinished lines of the streams that are captured without the story.
    open_lines: Mutex<Vec<Arc<Mutex<UserLines>>>>,
}

struct Inner {
    story: Story,
    /// The target of JSON Lines, if the program's own output is redirected.
    divert: Option<Divert>,
    /// The columns and rows of the terminal.
    size: (usize, usize),
    is_changed: bool,
    is_closed: bool,
    /// Another program may have written below the live area.
    is_overwritten: bool,
    /// The shell is about to stop the program: nothing is drawn until it continues.
    is_paused: bool,
}

impl ScreenState {
    pub(super) fn new(story: Story, tty: Option<Tty>, on_line: Option<OnLine>) -> Arc<Self> {
        let inner = Inner {
            story,
            divert: None,
            size: (0, 0),
            is_changed: false,
            is_closed: false,
            is_overwritten: false,
            is_paused: false,
        };
        Arc::new(Self {
            inner: Mutex::new(inner),
            changed: Condvar::new(),
            tty: Mutex::new(tty),
            capture: Mutex::new(None),
            on_line,
            last_run: Mutex::new(None),
            open_lines: Mutex::default(),
        })
    }

    /// Whether lines that are not the program's must not be written to standard error: it is captured.
    pub(super) fn takes_lines(&self) -> bool {
        let inner = self.inner.lock();
        !inner.is_closed && (inner.story.mode == Mode::Live || self.capture.lock().is_some())
    }

    /// Prints lines from now on, since nothing can be drawn.
    pub(super) fn fall_back(&self) {
        // Dropped without the lock, since that waits for the reader thread.
        let capture = self.capture.lock().take();
        drop(capture);
        self.inner.lock().story.mode = Mode::Lines;
        self.tty.lock().take();
    }

    /// Starts to capture what the program prints to the terminal.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub(super) fn capture_terminal(self: &Arc<Self>) -> std::io::Result<()> {
        let tty = self.tty.lock();
        let Some(tty) = tty.as_ref() else { return Ok(()) };
        let shared = Arc::clone(self);
        *self.capture.lock() = Some(Capture::of_terminal(tty.file(), move |bytes| shared.print(bytes))?);
        Ok(())
    }

    /// Starts to capture what the program prints to anything but a terminal, and passes it on, unless nothing shall be seen.
    ///
    /// # Errors
    ///
    /// If the system refuses; then the output is not captured.
    pub(super) fn capture_streams(self: &Arc<Self>) -> std::io::Result<()> {
        let mode = self.inner.lock().story.mode;
        let onward = if mode == Mode::Quiet { Onward::Nowhere } else { Onward::Unchanged };
        let capture = Capture::of_streams(onward, || {
            let lines = Arc::<Mutex<UserLines>>::default();
            self.open_lines.lock().push(Arc::clone(&lines));
            let shared = Arc::clone(self);
            move |bytes: &[u8]| shared.log(&mut lines.lock(), bytes)
        })?;
        *self.capture.lock() = capture;
        Ok(())
    }

    /// Waits until what the program has printed so far has been passed to `on_line`, but not for long: a run ends.
    pub(super) fn wait_until_taken(&self) {
        // Without the lock, which the threads that pass it on may need.
        let Some(outlets) = self.capture.lock().as_ref().map(Capture::outlets) else { return };
        // Rust keeps an unfinished line.
        let _lost = std::io::stdout().flush();
        outlets.iter().for_each(|outlet| outlet.wait_until_taken());
        self.end_lines();
    }

    /// Passes unfinished lines to `on_line` as they are.
    fn end_lines(&self) {
        for lines in self.open_lines.lock().iter() {
            let mut lines = lines.lock();
            if !lines.open().is_empty() {
                self.log(&mut lines, b"\n");
            }
        }
    }

    /// Takes output that is shown without the story.
    fn log(&self, lines: &mut UserLines, bytes: &[u8]) {
        let lines = lines.push(bytes);
        let Some(on_line) = &self.on_line else { return };
        let run = *self.last_run.lock();
        for line in &lines {
            guarded("on_line", || on_line(run, &plain(line)));
        }
    }

    /// Reserves standard output for JSON Lines. If that fails, it returns `false`, and the program's own output appears between
    /// them.
    pub(super) fn divert(&self) -> bool {
        let mut inner = self.inner.lock();
        inner.divert = Divert::start().ok();
        inner.divert.is_some()
    }

    /// Changes the story, and shows the change: with the next frame, or at once if nothing is drawn.
    pub(super) fn update(&self, change: impl FnOnce(&mut Story)) {
        let mut inner = self.inner.lock();
        if inner.is_closed {
            return;
        }
        change(&mut inner.story);
        let run = inner.story.run();
        match inner.story.mode {
            Mode::Live => {
                inner.is_changed = true;
                self.changed.notify_all();
            }
            // Written under the lock, so that lines are in the order of their events. An error means that the reader has
            // closed the stream, which must not fail the program.
            mode => {
                *self.last_run.lock() = run;
                let ready = std::mem::take(&mut inner.story.ready);
                append_to_page(&std::mem::take(&mut inner.story.tables));
                let _closed = match (mode, &mut inner.divert) {
                    (Mode::Json, Some(divert)) => divert.write(&ready),
                    (Mode::Json, None) => std::io::stdout().lock().write_all(&ready),
                    _ => self.write(&ready),
                };
            }
        }
    }

    /// Writes lines to standard error that are not to be captured.
    fn write(&self, lines: &[u8]) -> std::io::Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        match &*self.capture.lock() {
            Some(capture) => capture.write(lines),
            None => std::io::stderr().lock().write_all(lines),
        }
    }

    /// Takes output of the program.
    fn print(&self, bytes: &[u8]) {
        let (mut lines, mut run) = (Vec::new(), None);
        self.update(|story| {
            lines = story.print(bytes);
            run = story.run();
        });
        if let Some(on_line) = &self.on_line {
            for line in &lines {
                guarded("on_line", || on_line(run, line));
            }
        }
        self.write_if_full();
    }

    /// Takes complete lines from a [`Stderr`](super::Stderr).
    pub(super) fn print_lines(&self, lines: &[u8]) {
        let mode = self.inner.lock().story.mode;
        match mode {
            Mode::Live => {
                self.update(|story| story.print_lines(lines));
                self.write_if_full();
            }
            Mode::Quiet => {}
            // Not with the events, which may go to standard output. An error means that the reader is gone.
            Mode::Lines | Mode::Json => drop(self.write(lines)),
        }
    }

    fn write_if_full(&self) {
        let is_full = self.inner.lock().story.ready.len() > READY_MAX;
        if is_full {
            self.draw();
        }
    }

    /// Notes that another program may have written to the terminal, as a shell does after it stopped this one.
    #[cfg(unix)]
    pub(super) fn mark_overwritten(&self) {
        self.inner.lock().is_overwritten = true;
    }

    /// Erases the live area, and draws nothing until it is called with `false`.
    #[cfg(unix)]
    pub(super) fn pause(&self, is_paused: bool) {
        {
            let mut inner = self.inner.lock();
            inner.is_paused = is_paused;
            inner.is_changed = true;
        }
        self.draw();
        self.changed.notify_all();
    }

    /// Draws frames until the screen is closed.
    pub(super) fn draw_until_closed(&self) {
        loop {
            {
                let mut inner = self.inner.lock();
                while !inner.is_closed && !inner.is_changed && !inner.story.is_moving() {
                    self.changed.wait(&mut inner);
                }
                if inner.is_closed {
                    return;
                }
            }
            self.draw();
            let mut inner = self.inner.lock();
            if !inner.is_closed {
                // A change wakes this thread too early; it sleeps again, so that frames keep their distance.
                let begin = clock::now();
                loop {
                    let pause = if inner.story.ready.is_empty() { FRAME } else { LINES };
                    let end = (begin + pause).into_std();
                    if inner.is_closed || self.changed.wait_until(&mut inner, end).timed_out() {
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
        let mut inner = self.inner.lock();
        inner.is_changed = false;
        let (columns, rows) = tty.size();
        let is_resized = std::mem::replace(&mut inner.size, (columns, rows)) != (columns, rows);
        inner.story.columns = columns;
        let is_ours = tty.is_ours();
        if std::mem::take(&mut inner.is_overwritten) || !is_ours {
            tty.leave();
        }
        let above = std::mem::take(&mut inner.story.ready);
        let lines = if is_ours && !inner.is_closed && !inner.is_paused {
            inner.story.area(rows, clock::wall())
        } else {
            Vec::new()
        };
        let style = inner.story.style;
        drop(inner);
        tty.draw(&above, &lines, style);
        if is_resized && let Some(capture) = &*self.capture.lock() {
            capture.resize(tty.file());
        }
    }

    /// Restores the output, shows what is still to be shown, and leaves the terminal clean.
    pub(super) fn close(&self) {
        // First, since captured output belongs above the end.
        let capture = self.capture.lock().take();
        drop(capture);
        self.end_lines();
        let open_line = {
            let mut inner = self.inner.lock();
            let run = inner.story.run();
            let line = if inner.is_closed { None } else { inner.story.end_line() };
            inner.story.report_ends();
            inner.is_closed = true;
            inner.divert = None;
            line.map(|line| (run, line))
        };
        if let (Some(on_line), Some((run, line))) = (&self.on_line, open_line) {
            guarded("on_line", || on_line(run, &line));
        }
        self.changed.notify_all();
        self.draw();
    }
}

/// Appends a table to the page of a GitHub job.
fn append_to_page(table: &str) {
    if table.is_empty() {
        return;
    }
    let Some(path) = std::env::var_os("GITHUB_STEP_SUMMARY") else { return };
    // An error is ignored: the page repeats what the lines say.
    if let Ok(mut page) = std::fs::OpenOptions::new().append(true).create(true).open(path) {
        let _ignored = page.write_all(table.as_bytes());
    }
}

impl fmt::Debug for ScreenState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ScreenState").finish_non_exhaustive()
    }
}
