//! The terminal behind standard error: its size, and one write per frame. Unix only.

use std::fs::File;
use std::io::{self, IsTerminal as _, Write as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::time::Duration;

use super::frame::{Drawn, frame, rows};
use crate::terminal::{Line, StyleSupport};

/// A terminal that does not say how large it is, is taken for one of this size.
const USUAL: (usize, usize) = (80, 24);

/// How long to wait for a terminal that takes no more: somebody made it non-blocking.
const FULL_WAIT: Duration = Duration::from_millis(5);

/// The terminal, and what is drawn on it.
pub(super) struct Tty {
    file: File,
    /// The lines that are drawn.
    drawn: Vec<Drawn>,
    /// The terminal breaks lines anew when it becomes narrower.
    breaks_anew: bool,
}

impl Tty {
    /// Opens the terminal behind standard error; `None` if there is none.
    pub(super) fn open() -> Option<Self> {
        let stderr = io::stderr();
        if !stderr.is_terminal() {
            return None;
        }
        // A file of its own: standard error itself may be replaced meanwhile.
        let file = File::from(stderr.as_fd().try_clone_to_owned().ok()?);
        let breaks_anew = breaks_anew(&|name| std::env::var(name).ok());
        Some(Self { file, drawn: Vec::new(), breaks_anew })
    }

    pub(super) fn file(&self) -> &File {
        &self.file
    }

    /// Returns the columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        match rustix::termios::tcgetwinsize(&self.file) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
            _ => USUAL,
        }
    }

    /// Whether this program may draw now: a shell has put it into the background otherwise.
    pub(super) fn is_ours(&self) -> bool {
        // A terminal that does not control this program has no groups; one outside of its PID namespace has no number.
        let front = nix::unistd::tcgetpgrp(&self.file);
        front.map_or(true, |front| front.as_raw() == 0 || front == nix::unistd::getpgrp())
    }

    /// Writes `above`, and draws `lines` below it in place of what is drawn.
    pub(super) fn draw(&mut self, above: &[u8], lines: &[Line], paint: StyleSupport) {
        let drawn = |line: &Line| Drawn { text: paint.line(line), columns: line.columns() };
        let lines: Vec<Drawn> = lines.iter().map(drawn).collect();
        let rows = if self.breaks_anew { rows(&self.drawn, self.size().0) } else { self.drawn.len() };
        let bytes = frame(&self.drawn, rows, above, &lines);
        self.drawn = lines;
        self.write(&bytes);
    }

    /// Leaves what is drawn where it is: other programs have written below it.
    pub(super) fn leave(&mut self) {
        self.drawn.clear();
    }

    /// There is nobody to tell of a terminal that is gone, so errors end the writing.
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
    // Its kind is asked of a file of its own, which is closed again.
    let stdout = io::stdout().as_fd().try_clone_to_owned().map(File::from);
    let kind = stdout.and_then(|stdout| stdout.metadata()).map(|known| known.file_type());
    kind.is_ok_and(|kind| kind.is_fifo())
}

/// Whether the terminal is known to break lines anew when it becomes narrower. Others than these may do it, too.
fn breaks_anew(variable: &dyn Fn(&str) -> Option<String>) -> bool {
    let says = |name: &str| variable(name).filter(|value| !value.is_empty());
    let is_one_of =
        |name: &str, known: &[&str]| says(name).is_some_and(|value| known.contains(&value.as_str()));
    // These stand between, whatever else the surroundings tell of the terminal outside.
    if says("TMUX").is_some() {
        return true;
    }
    if says("STY").is_some() || says("XTERM_VERSION").is_some() {
        return false;
    }
    let programs = ["Apple_Terminal", "WezTerm", "ghostty", "iTerm.app", "vscode", "zed"];
    let kinds = ["alacritty", "foot", "foot-extra", "xterm-ghostty", "xterm-kitty"];
    let konsole = says("KONSOLE_VERSION").and_then(|version| version.parse::<u32>().ok());
    says("VTE_VERSION").is_some()
        || says("WT_SESSION").is_some()
        || is_one_of("TERM_PROGRAM", &programs)
        || is_one_of("TERM", &kinds)
        || konsole.is_some_and(|version| version >= 210_400)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(variables: &[(&str, &str)]) -> bool {
        breaks_anew(&|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn what_is_not_known_of_a_terminal_is_not_believed() {
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
