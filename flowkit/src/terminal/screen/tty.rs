//! The terminal behind standard error: its size, and one write per frame. Unix only.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::time::Duration;

use super::frame::{Drawn, frame, rows};
use crate::terminal::{Line, StyleSupport};

/// The size that is assumed for a terminal that does not report one.
const DEFAULT_SIZE: (usize, usize) = (80, 24);

/// How long to wait for a terminal that is full: another program may have made it non-blocking.
const FULL_WAIT: Duration = Duration::from_millis(5);

/// The terminal, and what is drawn on it.
pub(super) struct Tty {
    file: File,
    /// The lines of the live area.
    drawn: Vec<Drawn>,
    /// The terminal reflows lines when it becomes narrower.
    reflows: bool,
}

impl Tty {
    /// Opens the terminal behind standard error; `None` if there is none.
    pub(super) fn open() -> Option<Self> {
        let stderr = io::stderr();
        if !stderr.is_terminal() {
            return None;
        }
        // A duplicate: standard error itself may be replaced later.
        let file = File::from(stderr.as_fd().try_clone_to_owned().ok()?);
        let reflows = reflows(&|name| std::env::var(name).ok());
        Some(Self { file, drawn: Vec::new(), reflows })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Returns the columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        match rustix::termios::tcgetwinsize(&self.file) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
            _ => DEFAULT_SIZE,
        }
    }

    /// Whether this program is in the foreground, so that it may draw.
    pub(super) fn is_ours(&self) -> bool {
        // A terminal that does not control this program has no groups; one outside of its PID namespace has no number.
        let front = nix::unistd::tcgetpgrp(&self.file);
        front.map_or(true, |front| front.as_raw() == 0 || front == nix::unistd::getpgrp())
    }

    /// Writes `above`, and draws `lines` below it in place of the old live area.
    pub(super) fn draw(&mut self, above: &[u8], lines: &[Line], style: StyleSupport) {
        let drawn = |line: &Line| Drawn { text: style.line(line), columns: line.columns() };
        let lines: Vec<Drawn> = lines.iter().map(drawn).collect();
        let rows = if self.reflows { rows(&self.drawn, self.size().0) } else { self.drawn.len() };
        let bytes = frame(&self.drawn, rows, above, &lines);
        self.drawn = lines;
        self.write(&bytes);
    }

    /// Leaves the live area where it is: other programs have written below it.
    pub(super) fn leave(&mut self) {
        self.drawn.clear();
    }

    /// Writes all of it. An error ends the writing, since it could only be reported to the same terminal.
    fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            match self.file.write(bytes) {
                Ok(0) => return,
                Ok(written) => bytes = &bytes[written..],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::sleep(FULL_WAIT),
                Err(_) => return,
            }
        }
    }
}

/// Whether standard output goes to another program, which may write to the same terminal.
pub(super) fn stdout_is_pipe() -> bool {
    // By a duplicate, which is closed again.
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let kind = stdout.and_then(|stdout| stdout.metadata()).map(|metadata| metadata.file_type());
    kind.is_ok_and(|kind| kind.is_fifo())
}

/// Whether the terminal is known to reflow lines when it becomes narrower. Others may do it, too.
fn reflows(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty());
    let is_one_of =
        |name: &str, known: &[&str]| set(name).is_some_and(|value| known.contains(&value.as_str()));
    // A multiplexer decides, whatever other variables say of the terminal around it.
    if set("TMUX").is_some() {
        return true;
    }
    if set("STY").is_some() || set("XTERM_VERSION").is_some() {
        return false;
    }
    let programs = ["Apple_Terminal", "WezTerm", "ghostty", "iTerm.app", "vscode", "zed"];
    let kinds = ["alacritty", "foot", "foot-extra", "xterm-ghostty", "xterm-kitty"];
    let konsole = set("KONSOLE_VERSION").and_then(|version| version.parse::<u32>().ok());
    set("VTE_VERSION").is_some()
        || set("WT_SESSION").is_some()
        || is_one_of("TERM_PROGRAM", &programs)
        || is_one_of("TERM", &kinds)
        || konsole.is_some_and(|version| version >= 210_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> bool {
        reflows(&|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn only_terminals_that_are_known_to_reflow_are_believed_to() {
        assert!(!of(&[("TERM", "xterm-256color")]));
        assert!(of(&[("TERM", "xterm-256color"), ("VTE_VERSION", "7600")]));
        assert!(of(&[("TERM", "xterm-kitty")]));
        assert!(of(&[("KONSOLE_VERSION", "230401")]) && !of(&[("KONSOLE_VERSION", "180800")]));
        assert!(of(&[("TERM", "screen-256color"), ("TMUX", "/tmp/tmux,1,0")]));
        assert!(!of(&[("STY", "1.x"), ("VTE_VERSION", "7600")]), "it is in `screen`");
        assert!(
            !of(&[("XTERM_VERSION", "XTerm(390)"), ("VTE_VERSION", "7600")]),
            "begun from another terminal"
        );
    }
}
