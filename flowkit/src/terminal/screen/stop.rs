//! Ctrl-Z: the live area is erased before the shell stops the program, and drawn again when the program continues. Unix only.
//!
//! Runs on a thread of its own, so that it does not depend on the program's threads. SIGSTOP cannot be handled: after it the
//! old live area stays, and a new one is drawn below when the program continues.

use std::sync::OnceLock;

use nix::unistd::{getppid, getsid};
use signal_hook::consts::{SIGCONT, SIGTSTP};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::writer;

/// Starts to listen, once in a process, and for ever: with a handler installed, the system does not stop the program by
/// itself any more.
pub(super) fn listen() {
    static LISTENS: OnceLock<()> = OnceLock::new();
    LISTENS.get_or_init(|| {
        let Ok(mut signals) = Signals::new([SIGTSTP, SIGCONT]) else { return };
        let thread = std::thread::Builder::new().name("flowkit-stop".into());
        // Without the thread Ctrl-Z does nothing, and the program runs as before.
        let _thread = thread.spawn(move || {
            let mut is_expected = false;
            for signal in signals.forever() {
                match signal {
                    SIGTSTP if is_alone() => {}
                    SIGTSTP => {
                        stop();
                        // The signal that ended the stop arrives later.
                        is_expected = true;
                    }
                    _ if std::mem::take(&mut is_expected) => {}
                    // After SIGSTOP a shell has written below the live area.
                    _ => drop(writer::current().map(|screen| screen.mark_overwritten())),
                }
            }
        });
    });
}

/// Stops all threads of the program until a shell continues it.
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

/// Whether there is no shell that could continue the program, for instance under `ssh host program`. The system does not stop
/// such a program either.
///
/// A session that began outside the program's PID namespace (a sandbox) has the number 0, for the program and its parent.
fn is_alone() -> bool {
    let parent = getppid();
    parent.as_raw() == 0 || getsid(Some(parent)) != getsid(None)
}
