//! A process with all that it starts: its own process group, which is killed as one, at the latest when it is dropped.

use std::io;
use std::process::ExitStatus;

use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout};

#[cfg(unix)]
use super::watchdog;

/// A process group whose first process is not known to have ended.
pub(super) struct ProcessGroup {
    child: Child,
    #[cfg(unix)]
    id: Option<rustix::process::Pid>,
}

impl ProcessGroup {
    /// Takes a process that was started as the first one of a group.
    pub(super) fn of(child: Child) -> Self {
        #[cfg(unix)]
        {
            let id = child.id().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?));
            if let Some(id) = id {
                watchdog::watch(id);
            }
            Self { child, id }
        }
        #[cfg(not(unix))]
        Self { child }
    }

    pub(super) fn pipes(&mut self) -> (Option<ChildStdin>, Option<ChildStdout>, Option<ChildStderr>) {
        (self.child.stdin.take(), self.child.stdout.take(), self.child.stderr.take())
    }

    /// Waits until its first process has ended, and ends the others.
    pub(super) async fn ended(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait().await;
        self.kill();
        status
    }

    #[cfg(unix)]
    fn kill(&mut self) {
        if let Some(id) = self.id.take() {
            // There may be none left.
            rustix::process::kill_process_group(id, rustix::process::Signal::KILL).ok();
            watchdog::forget(id);
        }
    }

    /// Dropping the process kills it. There is no group.
    #[cfg(not(unix))]
    fn kill(&mut self) {}
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        self.kill();
    }
}
