//! What a program does when the system tells it to stop: it suspends its runs, so that they can be resumed later.

#[cfg(unix)]
#[path = "unix.rs"]
mod system;
#[cfg(windows)]
#[path = "windows.rs"]
mod system;

use std::future::IntoFuture;
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use self::system::Signals;
use crate::clock;
use crate::engine::runtime::Runtime;
use crate::failpoint;
use crate::model::FlowRunId;

/// How long a store may take to write the remaining events after the second signal.
const LAST_WRITE: Duration = Duration::from_secs(2);

/// How long the program may take to end by itself when none of its runs was suspended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The program was asked to stop before it had done its work; returned by [`Runtime::until_signal`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Interrupted {
    /// The name of the signal, such as `SIGTERM`, or `CTRL_C` on Windows.
    pub signal: &'static str,
    /// The runs that were suspended, and can be [resumed](crate::Resume).
    pub runs: Vec<FlowRunId>,
    /// Why the last events could not be persisted.
    pub lost: Option<String>,
    number: u8,
    /// Everything that was begun has ended or was suspended, and no run was refused.
    in_order: bool,
}

impl Interrupted {
    /// Returns the exit code for the process: 0 if it ended in order with nothing left to do, else 128 plus the number of
    /// the signal, as shells count.
    pub fn code(&self) -> u8 {
        if self.in_order && self.runs.is_empty() { 0 } else { 128 + self.number }
    }
}

impl From<Interrupted> for ExitCode {
    fn from(interrupted: Interrupted) -> Self {
        interrupted.code().into()
    }
}

impl std::fmt::Display for Interrupted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "stopped by {}", self.signal)?;
        match &self.runs[..] {
            [] => {}
            [run] => write!(f, "; run {} was suspended and can be resumed", run.short())?,
            runs => {
                write!(f, "; {} runs were suspended and can be resumed:", runs.len())?;
                for run in runs {
                    write!(f, " {}", run.short())?;
                }
            }
        }
        match &self.lost {
            Some(reason) => write!(f, "; what happened last could not be persisted: {reason}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Interrupted {}

impl Runtime {
    /// Runs `future` until it is done, or until the process is asked to stop by SIGTERM, SIGINT (Ctrl-C) or SIGHUP; on
    /// Windows by Ctrl-C or Ctrl-Break, or because its window is closed, the user logs off or the machine is shut down.
    ///
    /// At the first signal no attempt begins any more, [`Context::stopping`](crate::Context::stopping) fires, and running
    /// tasks have 30 s to end ([`RuntimeBuilder::stop_grace`](crate::RuntimeBuilder::stop_grace)); then the remaining runs
    /// are suspended ([`Runtime::suspend`] describes what becomes of failures in that time). At the second signal that
    /// happens immediately, with 2 s to write the remaining events. The third ends the process on the spot, with what was
    /// acknowledged, as a crash does. Where Windows ends a program by itself soon afterwards, for instance when a window is
    /// closed, the 30 s are at most 2 s.
    ///
    /// ```no_run
    /// use flowkit::prelude::*;
    /// use flowkit::store::SqliteStore;
    /// use std::process::ExitCode;
    ///
    /// # #[flow]
    /// # async fn etl() -> Result<u32> { Ok(7) }
    /// #[tokio::main]
    /// async fn main() -> Result<ExitCode> {
    ///     let runtime = flowkit::Runtime::builder().store(SqliteStore::open("runs.db")?).build();
    ///     match runtime.until_signal(etl().on(&runtime)).await {
    ///         Ok(result) => println!("{}", result?),
    ///         Err(interrupted) => {
    ///             eprintln!("{interrupted}");
    ///             return Ok(interrupted.into());
    ///         }
    ///     }
    ///     Ok(ExitCode::SUCCESS)
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Interrupted`], if a signal came first. A caller that gets it should end the process with its code, and drop the
    /// runtime before, so that the store is closed.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its I/O driver on, as `#[tokio::main]` makes it; or if the system refuses to listen
    /// for signals.
    pub async fn until_signal<F: IntoFuture>(&self, future: F) -> Result<F::Output, Interrupted> {
        self.until_signal_notifying(future, |_, _| {}).await
    }

    /// Whether a flow was refused because of a signal that is not delivered here yet, but about to be.
    fn is_signal_pending(&self) -> bool {
        self.active_runs().has_refused_runs() && !self.active_runs().token().is_cancelled()
    }

    /// The same with a callback for people: calls `notify` with the name of the first two signals and the time that running
    /// tasks have to end then, before anything is waited for. The library itself prints nothing.
    pub(crate) async fn until_signal_notifying<F: IntoFuture>(
        &self,
        future: F,
        notify: impl Fn(&'static str, Duration),
    ) -> Result<F::Output, Interrupted> {
        let mut signals = Signals::listen(self.active_runs());
        let mut future = pin!(future.into_future());
        let mut output = None;
        let first = tokio::select! {
            biased;
            done = &mut future => {
                if !self.is_signal_pending() {
                    return Ok(done);
                }
                output = Some(done);
                signals.next().await
            }
            first = signals.next() => first,
        };
        let drain = first.drain_max.map_or(self.stop_grace(), |most| most.min(self.stop_grace()));
        notify(first.name, drain);
        tracing::info!(
            signal = first.name,
            "the program stops: no task begins any more, and running ones may end"
        );
        // The program's own code continues meanwhile: its tasks may need it to end.
        let mut down = pin!(tokio::time::timeout(drain.saturating_add(LAST_WRITE), self.suspend(drain)));
        let written = loop {
            tokio::select! {
                biased;
                done = &mut future, if output.is_none() => output = Some(done),
                // A task that never yields cannot be stopped, and is left behind.
                ended = &mut down => break ended.ok(),
                second = signals.next() => {
                    notify(second.name, Duration::ZERO);
                    break None;
                }
            }
        };
        let is_forced = written.is_none();
        let written = match written {
            Some(written) => written,
            None => tokio::select! {
                written = tokio::time::timeout(LAST_WRITE, self.suspend(Duration::ZERO)) => {
                    written.unwrap_or(Ok(Vec::new()))
                }
                // A third signal ends the process immediately.
                third = signals.next() => std::process::exit(128 + i32::from(third.number)),
            },
        };
        let Signal { name: signal, number, .. } = first;
        let lost = written.err().map(|error| error.to_string());
        let runs = self.active_runs().suspended();
        let in_order = !is_forced && lost.is_none() && !self.active_runs().has_refused_runs();
        let mut interrupted = Interrupted { signal, runs, lost, number, in_order };
        if in_order && interrupted.runs.is_empty() {
            failpoint::reach("before-last-words");
            // It may have been about to end.
            if output.is_none() {
                tokio::select! {
                    done = &mut future => output = Some(done),
                    () = clock::sleep(LAST_WORDS) => {}
                }
            }
            // A flow that it started only now was refused, which is no result of the program.
            interrupted.in_order = !self.active_runs().has_refused_runs();
            if let Some(output) = output.filter(|_| interrupted.in_order) {
                return Ok(output);
            }
        }
        Err(interrupted)
    }
}

/// A signal that tells a program to stop.
#[derive(Clone, Copy, Debug)]
struct Signal {
    name: &'static str,
    /// As shells count: the process exits with 128 and this number.
    number: u8,
    /// An upper bound on the time to end if this is the first signal, where the system allows no more.
    drain_max: Option<Duration>,
}
