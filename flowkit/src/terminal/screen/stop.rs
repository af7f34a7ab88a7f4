//! A program that its shell stops (Ctrl-Z) and lets go on: what is drawn is erased before it stops, and drawn again when it
//! goes on. Unix only.
//!
//! On a thread of its own, so that it works whatever the program's own threads do. What cannot be had: nobody is told of
//! SIGSTOP before it, so what is drawn stays where it is then, and is drawn once more below when the program goes on.

use std::sync::OnceLock;

use nix::unistd::{getppid, getsid};
use signal_hook::consts::{SIGCONT, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::writer;

/// Begins to listen, once in a process. It never ends: the system does not stop a program any more that has listened once.
pub(super) fn listen() {
    static LISTENS: OnceLock<()> = OnceLock::new();
    LISTENS.get_or_init(|| {
        let Ok(mut signals) = Signals::new([SIGTSTP, SIGCONT]) else { return };
        let thread = std::thread::Builder::new().name("flowkit-stop".into());
        // Without the thread nothing is erased, and Ctrl-Z does nothing; the program runs all the same.
        let _thread = thread.spawn(move || {
            let mut is_expected = false;
            for signal in signals.forever() {
                match signal {
                    SIGTSTP if is_alone() => {}
                    SIGTSTP => {
                        stop();
                        // The signal that ended the stop is heard of later.
                        is_expected = true;
                    }
                    _ if std::mem::take(&mut is_expected) => {}
                    // After SIGSTOP a shell has written below what was drawn.
                    _ => drop(writer::current().map(|screen| screen.doubt())),
                }
            }
        });
    });
}

/// Stops the program, all threads of it, until somebody lets it go on.
fn stop() {
    let screen = writer::current();
    if let Some(screen) = &screen {
        screen.pause(true);
    }
    let _unknown = emulate_default_handler(SIGTSTP);
    if let Some(screen) = &screen {
        screen.pause(false);
    }
}

/// Whether there is no shell that would let the program go on, as when it is all that `ssh` runs. The system does not stop
/// such a program either.
///
/// A session that began outside of the program's PID namespace (a sandbox) is number 0, for the program and its parent alike.
fn is_alone() -> bool {
    let parent = getppid();
    parent.as_raw() == 0 || getsid(Some(parent)) != getsid(None)
}
