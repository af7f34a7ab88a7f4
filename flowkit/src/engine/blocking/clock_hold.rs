//! Holds tokio's paused clock while something takes real time. Empty in a normal build.
//!
//! A paused clock jumps to the next timer as soon as every task waits. A task that waits for a foreign thread looks idle to
//! it, so a timeout of 300 s would fire at once. tokio does not let the clock jump while one of its own blocking tasks
//! runs: the hold is such a task, which waits to be released.

/// Keeps a paused clock from jumping until it is dropped or released.
///
/// In a normal build it is a value without size that does nothing.
#[derive(Debug, Default)]
#[must_use = "the clock is held until this is dropped"]
pub(crate) struct ClockHold {
    /// The blocking task waits until this is dropped.
    #[cfg(feature = "testing")]
    gate: Option<std::sync::mpsc::Sender<()>>,
}

/// Holds the clock of the current runtime; without one, or with several threads, does nothing.
///
/// Only a runtime with one thread can pause its clock. Wake the waiting task first and release
/// then, or the clock may jump in between. A runtime that is shut down waits for its holds.
pub(crate) fn hold_clock() -> ClockHold {
    ClockHold {
        #[cfg(feature = "testing")]
        gate: gate(),
    }
}

#[cfg(feature = "testing")]
fn gate() -> Option<std::sync::mpsc::Sender<()>> {
    use tokio::runtime::{Handle, RuntimeFlavor};

    let runtime = Handle::try_current().ok()?;
    if runtime.runtime_flavor() != RuntimeFlavor::CurrentThread {
        return None;
    }
    let (gate, released) = std::sync::mpsc::channel::<()>();
    // Nothing is ever sent: an error means that the other end is gone.
    runtime.spawn_blocking(move || released.recv().is_err());
    Some(gate)
}

impl ClockHold {
    /// Holds the clock of the current runtime if none is held.
    #[allow(clippy::unused_self, reason = "empty in a normal build")]
    pub(crate) fn renew(&mut self) {
        #[cfg(feature = "testing")]
        if self.gate.is_none() {
            *self = hold_clock();
        }
    }

    /// Releases the clock.
    pub(crate) fn release(self) {
        let Self { .. } = self;
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use std::thread;
    use std::time::Duration;

    use tokio::sync::oneshot;
    use tokio::time::{Instant, sleep, timeout};

    use super::super::Pool;
    use super::hold_clock;

    const LONG: Duration = Duration::from_secs(300);

    fn pool() -> Pool {
        Pool::new(4, LONG)
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_over_a_foreign_thread_fires_at_once_without_a_hold() {
        let (done, answer) = oneshot::channel();
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let thread = thread::spawn(move || (gate.recv(), done.send(())));
        assert!(timeout(LONG, answer).await.is_err());
        drop(go);
        assert!(thread.join().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_timeout_over_a_job_does_not_fire_while_the_job_runs() {
        let begin = Instant::now();
        let call = pool().spawn(|| thread::sleep(Duration::from_millis(20)));
        assert!(timeout(LONG, call).await.is_ok());
        assert_eq!(begin.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_made_outside_of_the_runtime_holds_the_clock_once_it_is_polled() {
        let outside = thread::spawn(|| pool().spawn(|| thread::sleep(Duration::from_millis(20))));
        let call = outside.join().unwrap();
        assert!(timeout(LONG, call).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn the_task_is_woken_before_the_clock_is_let_go() {
        let pool = pool();
        for round in 0..500 {
            let call = pool.spawn(move || round);
            assert!(timeout(Duration::from_millis(1), call).await.is_ok(), "round {round}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_abandoned_job_lets_the_clock_go() {
        let (go, gate) = std::sync::mpsc::channel::<()>();
        let call = pool().spawn(move || gate.recv());
        drop(call);
        sleep(LONG).await;
        drop(go);
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_holds_the_clock_before_anyone_polls_it() {
        let (sender, ended) = std::sync::mpsc::channel();
        let _job = pool().spawn(move || {
            thread::sleep(Duration::from_millis(20));
            sender.send(())
        });
        sleep(LONG).await;
        assert!(ended.try_recv().is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_finished_job_that_nobody_polls_lets_the_clock_go() {
        let call = pool().spawn(|| 1);
        sleep(LONG).await;
        assert_eq!(call.await.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_released_hold_lets_the_clock_go() {
        let hold = hold_clock();
        let waiting = tokio::spawn(sleep(LONG));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        hold.release();
        assert!(waiting.await.is_ok());
    }
}
