//! A terminal for a program: its size, its bytes, and what they look like in the end.

use std::fs::File;
use std::io::Read;
use std::num::NonZeroU16;
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use rustix::fs::{Mode, OFlags};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use rustix::pty::OpenptFlags;
use rustix::termios::{LocalModes, OutputModes, Winsize, tcgetattr, tcsetwinsize};

/// A program that takes longer hangs: it is killed, so that the test fails and says what was to be seen.
const HANGS: Duration = Duration::from_secs(180);

/// A program that runs on its own terminal.
pub(crate) struct Terminal {
    child: Child,
    /// Ends the watch over the program when it is dropped.
    _watched: mpsc::Sender<()>,
    master: File,
    columns: u16,
    rows: u16,
    bytes: Vec<u8>,
    /// After how many bytes the terminal got which size.
    sizes: Vec<(usize, u16, u16)>,
}

/// What a program left.
pub(crate) struct Shown {
    pub(crate) status: ExitStatus,
    pub(crate) bytes: Vec<u8>,
    /// The whole scroll-back and the screen, lines that the terminal has broken in one.
    pub(crate) lines: Vec<String>,
}

impl Terminal {
    pub(crate) fn run(mut command: Command, columns: u16, rows: u16) -> Self {
        let master = rustix::pty::openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        rustix::pty::grantpt(&master).unwrap();
        rustix::pty::unlockpt(&master).unwrap();
        let name = rustix::pty::ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let slave = File::from(rustix::fs::open(name.as_c_str(), flags, Mode::empty()).unwrap());
        tcsetwinsize(&slave, winsize(columns, rows)).unwrap();
        command.stdin(slave.try_clone().unwrap()).stdout(slave.try_clone().unwrap()).stderr(slave);
        // What is known of the terminal in which the tests run is not true of this one.
        let of_terminals =
            ["TMUX", "STY", "VTE_VERSION", "KONSOLE_VERSION", "WT_SESSION", "TERM_PROGRAM", "COLORTERM"];
        let of_people =
            ["NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "FORCE_HYPERLINK", "GITHUB_ACTIONS", "CI", "LC_ALL"];
        for name in of_terminals.into_iter().chain(of_people) {
            if command.get_envs().all(|(set, _)| set != name) {
                command.env_remove(name);
            }
        }
        command.env("TERM", "xterm-256color").env("LANG", "C.UTF-8");
        let child = command.spawn().unwrap();
        // The command holds the other end, too.
        drop(command);
        let _watched = watch(Pid::from_child(&child));
        Self {
            child,
            _watched,
            master: File::from(master),
            columns,
            rows,
            bytes: Vec::new(),
            sizes: Vec::new(),
        }
    }

    pub(crate) fn tell(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until the program has stopped, as after Ctrl-Z.
    pub(crate) fn wait_for_stop(&self) {
        let (_, status) =
            waitpid(Some(Pid::from_child(&self.child)), WaitOptions::UNTRACED).unwrap().unwrap();
        assert!(status.stopped(), "{status:?}");
    }

    /// Reads until `text` was written.
    pub(crate) fn wait_for(&mut self, text: &str) {
        self.wait_for_after(0, text);
    }

    /// Reads until `text` was written, behind the first so many bytes.
    pub(crate) fn wait_for_after(&mut self, from: usize, text: &str) {
        while !self.since(from).contains(text) {
            assert!(self.read(), "it ended without `{text}`: {}", String::from_utf8_lossy(&self.bytes));
        }
    }

    /// Returns what was read behind the first so many bytes.
    pub(crate) fn since(&self, from: usize) -> String {
        String::from_utf8_lossy(&self.bytes[from..]).into_owned()
    }

    /// Returns how many bytes were read.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Lets another process write to the terminal.
    pub(crate) fn write(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// Changes the size while the program runs.
    pub(crate) fn resize(&mut self, columns: u16, rows: u16) {
        self.sizes.push((self.bytes.len(), columns, rows));
        tcsetwinsize(&self.master, winsize(columns, rows)).unwrap();
        self.tell(Signal::WINCH);
    }

    /// Returns what the terminal does with what is typed.
    pub(crate) fn modes(&self) -> (LocalModes, OutputModes) {
        let modes = tcgetattr(&self.master).unwrap();
        (modes.local_modes, modes.output_modes)
    }

    /// Returns what there is to see now.
    pub(crate) fn lines(&self) -> Vec<String> {
        lines(&self.bytes, self.columns, self.rows, &self.sizes)
    }

    /// Waits for the end, and returns what the terminal shows.
    pub(crate) fn end(mut self) -> Shown {
        while self.read() {}
        let status = self.child.wait().unwrap();
        let lines = self.lines();
        Shown { status, bytes: self.bytes, lines }
    }

    /// Reads what there is; `false` at the end.
    fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        // When the last end is closed, Linux returns an error.
        let count = self.master.read(&mut bytes).unwrap_or(0);
        self.bytes.extend_from_slice(&bytes[..count]);
        count > 0
    }
}

/// Kills a program that hangs, unless what it returns is dropped before.
fn watch(program: Pid) -> mpsc::Sender<()> {
    let (watched, ended) = mpsc::channel();
    std::thread::spawn(move || {
        if ended.recv_timeout(HANGS) == Err(RecvTimeoutError::Timeout) {
            // It may have ended just now.
            let _ended = kill_process(program, Signal::KILL);
        }
    });
    watched
}

fn winsize(columns: u16, rows: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

fn lines(bytes: &[u8], columns: u16, rows: u16, sizes: &[(usize, u16, u16)]) -> Vec<String> {
    let size = |size| NonZeroU16::new(size).unwrap();
    let mut parser = vt100::Parser::new(size(rows), size(columns), 1_000_000);
    let (mut columns, mut rows, mut from) = (columns, rows, 0);
    for (to, wide, high) in sizes {
        parser.process(&bytes[from..*to]);
        parser.screen_mut().set_size(size(*high), size(*wide));
        (columns, rows, from) = (*wide, *high, *to);
    }
    parser.process(&bytes[from..]);
    let screen = parser.screen_mut();
    let mut all = Vec::new();
    let above = screen.scrollback_len();
    for offset in (1..=above).rev() {
        screen.set_scrollback(offset);
        all.push((screen.rows(0, columns).next().unwrap(), screen.row_wrapped(0)));
    }
    screen.set_scrollback(0);
    let wrapped: Vec<bool> = (0..rows).map(|row| screen.row_wrapped(row)).collect();
    all.extend(screen.rows(0, columns).zip(wrapped));
    let mut lines = vec![String::new()];
    for (place, (text, is_wrapped)) in all.iter().enumerate() {
        lines.last_mut().unwrap().push_str(text);
        // A wide character that does not fit into the last column is moved to the next row, which vt100 does not note.
        let next = all.get(place + 1).and_then(|(next, _)| next.chars().next());
        let is_moved = next.is_some_and(is_wide) && width(text) == usize::from(columns) - 1;
        if !is_wrapped && !is_moved {
            lines.push(String::new());
        }
    }
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

fn is_wide(c: char) -> bool {
    ('\u{3000}'..'\u{a000}').contains(&c)
}

fn width(text: &str) -> usize {
    text.chars().map(|c| if is_wide(c) { 2 } else { 1 }).sum()
}
