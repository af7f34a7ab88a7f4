//! Kills the child processes of a program that was killed itself and could not do so.
//!
//! The system can be asked to do it (`PR_SET_PDEATHSIG`), but only between `fork` and `exec`, where no safe code runs. So
//! there is one more process: a shell that gets the number of each group, and reads until the program has ended, for
//! whatever reason.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{ChildStdin, Command, Stdio};

use parking_lot::Mutex;
use rustix::process::Pid;

/// Maintains a list of process groups, by lines such as `+ 123` and `- 123`, and kills them when its input ends.
const SCRIPT: &str = "
groups=
while read -r what group; do
    kept=
    for known in $groups; do
        [ \"$known\" = \"$group\" ] || kept=\"$kept $known\"
    done
    [ \"$what\" = + ] && kept=\"$kept $group\"
    groups=$kept
done
for group in $groups; do
    kill -s KILL -- \"-$group\" 2>/dev/null
done";

/// The shell of the watchdog.
static WATCHDOG: Mutex<Watchdog> = Mutex::new(Watchdog::Asleep);

enum Watchdog {
    /// No process was started yet.
    Asleep,
    /// It reads what is written here until this program has ended.
    Awake(ChildStdin),
    /// It could not be started, or is gone.
    Gone,
}

/// Has a group killed if this program is.
pub(super) fn watch(group: Pid) {
    send('+', group);
}

/// The group has ended: the system may reuse its number.
pub(super) fn forget(group: Pid) {
    send('-', group);
}

fn send(what: char, group: Pid) {
    let mut watchdog = WATCHDOG.lock();
    if let Watchdog::Asleep = &*watchdog {
        *watchdog = start();
    }
    if let Watchdog::Awake(stdin) = &mut *watchdog {
        let mut line = String::new();
        // Writing to a `String` cannot fail.
        let _ = writeln!(line, "{what} {}", group.as_raw_nonzero());
        // A line is far shorter than a pipe's buffer, so it is written whole.
        if let Err(error) = stdin.write_all(line.as_bytes()) {
            *watchdog = gone(&error);
        }
    }
}

fn start() -> Watchdog {
    let started = Command::new("/bin/sh")
        .args(["-c", SCRIPT, "flowkit-watchdog"])
        // Signals to the program's group do not reach it, and it does not block unmounting the program's folder.
        .process_group(0)
        .current_dir("/")
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Ok(mut shell) => shell.stdin.take().map_or(Watchdog::Gone, Watchdog::Awake),
        Err(error) => gone(&error),
    }
}

fn gone(error: &std::io::Error) -> Watchdog {
    tracing::warn!(%error, "child processes are not killed should this program be: `/bin/sh` does not watch over it");
    Watchdog::Gone
}
