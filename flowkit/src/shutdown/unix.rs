//! The signals of Unix.

use std::io;
use std::sync::Arc;

use signal_hook::SigId;
use signal_hook::{flag, low_level};
use tokio::signal::unix::{self, SignalKind, signal};

use super::Signal;
use crate::engine::flow_run::active_runs::ActiveRuns;

/// The signals that tell a program to stop.
pub(super) struct Signals([SignalFlags; 3]);

struct SignalFlags {
    signal: Signal,
    stream: unix::Signal,
    flag: SigId,
}

impl Signals {
    /// Listens for signals. Their handler itself sets the flag of `active_runs`: when a task is notified of a signal, a
    /// child process may have died of the same signal, which must not count as a failure.
    pub(super) fn listen(active_runs: &ActiveRuns) -> Self {
        let listen = |name, number: u8, kind| {
            let register = || -> io::Result<SignalFlags> {
                let flag = flag::register(i32::from(number), Arc::clone(active_runs.stopping()))?;
                Ok(SignalFlags {
                    signal: Signal { name, number, drain_max: None },
                    stream: signal(kind)?,
                    flag,
                })
            };
            register().unwrap_or_else(|error| panic!("the system refuses to tell of {name}: {error}"))
        };
        Self([
            listen("SIGTERM", 15, SignalKind::terminate()),
            listen("SIGINT", 2, SignalKind::interrupt()),
            listen("SIGHUP", 1, SignalKind::hangup()),
        ])
    }

    /// Waits for the next signal. Cancel safe.
    pub(super) async fn next(&mut self) -> Signal {
        let [terminate, interrupt, hang_up] = &mut self.0;
        tokio::select! {
            // Of simultaneous signals the first of these is taken, so that the order is deterministic.
            biased;
            _ = terminate.stream.recv() => terminate.signal,
            _ = interrupt.stream.recv() => interrupt.signal,
            _ = hang_up.stream.recv() => hang_up.signal,
        }
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for flags in &self.0 {
            low_level::unregister(flags.flag);
        }
    }
}
