//! The console events of Windows, each with the number of the equivalent Unix signal.

use std::io;
use std::time::Duration;

use tokio::signal::windows::{self, CtrlBreak, CtrlC, CtrlClose, CtrlLogoff, CtrlShutdown};

use super::Signal;
use crate::engine::flow_run::active_runs::ActiveRuns;

/// Windows ends a program about 5 s after it closes its window; the store needs some of that.
const DRAIN_BEFORE_THE_END: Duration = Duration::from_secs(2);

const CTRL_C: Signal = Signal { name: "CTRL_C", number: 2, drain_max: None };
/// One program can send this to another, like SIGTERM.
const CTRL_BREAK: Signal = Signal { name: "CTRL_BREAK", number: 15, drain_max: None };
const CTRL_CLOSE: Signal = Signal { name: "CTRL_CLOSE", number: 1, drain_max: Some(DRAIN_BEFORE_THE_END) };
const CTRL_LOGOFF: Signal = Signal { name: "CTRL_LOGOFF", number: 15, drain_max: Some(DRAIN_BEFORE_THE_END) };
const CTRL_SHUTDOWN: Signal =
    Signal { name: "CTRL_SHUTDOWN", number: 15, drain_max: Some(DRAIN_BEFORE_THE_END) };

/// The events that tell a program to stop.
pub(super) struct Signals {
    ctrl_c: CtrlC,
    ctrl_break: CtrlBreak,
    close: CtrlClose,
    logoff: CtrlLogoff,
    shutdown: CtrlShutdown,
}

impl Signals {
    pub(super) fn listen(_active_runs: &ActiveRuns) -> Self {
        let listen = || -> io::Result<Self> {
            Ok(Self {
                ctrl_c: windows::ctrl_c()?,
                ctrl_break: windows::ctrl_break()?,
                close: windows::ctrl_close()?,
                logoff: windows::ctrl_logoff()?,
                shutdown: windows::ctrl_shutdown()?,
            })
        };
        listen().unwrap_or_else(|error| panic!("the system refuses to tell of Ctrl-C: {error}"))
    }

    /// Waits for the next event. Cancel safe.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.ctrl_c.recv() => CTRL_C,
            _ = self.ctrl_break.recv() => CTRL_BREAK,
            _ = self.close.recv() => CTRL_CLOSE,
            _ = self.logoff.recv() => CTRL_LOGOFF,
            _ = self.shutdown.recv() => CTRL_SHUTDOWN,
        }
    }
}
