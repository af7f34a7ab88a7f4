//! The signals of Unix.

use tokio::signal::unix::{self, SignalKind, signal};

use super::{DRAIN, Signal};

/// The signals that tell a program to stop.
pub(super) struct Signals([(Signal, unix::Signal); 3]);

impl Signals {
    pub(super) fn listen() -> Self {
        let listen = |name, number, kind| match signal(kind) {
            Ok(heard) => (Signal { name, number, drain: DRAIN }, heard),
            Err(error) => panic!("the system refuses to tell of {name}: {error}"),
        };
        Self([
            listen("SIGTERM", 15, SignalKind::terminate()),
            listen("SIGINT", 2, SignalKind::interrupt()),
            listen("SIGHUP", 1, SignalKind::hangup()),
        ])
    }

    /// Waits for the next one. Cancel safe.
    pub(super) async fn next(&mut self) -> Signal {
        let [terminate, interrupt, hang_up] = &mut self.0;
        tokio::select! {
            // Of signals that have come together the first of these is taken, so that the order is not left to chance.
            biased;
            _ = terminate.1.recv() => terminate.0,
            _ = interrupt.1.recv() => interrupt.0,
            _ = hang_up.1.recv() => hang_up.0,
        }
    }
}
