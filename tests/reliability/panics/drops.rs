//! Panics in `Drop`: of a result, of one that comes too late, of what a panic carries.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use flowkit::prelude::*;

use super::{PAYLOADS, Payload, a_thousand_tasks_run, failed};

/// Panics when it is dropped.
#[derive(Debug)]
struct Sticky(Payload);

impl Drop for Sticky {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.throw();
        }
    }
}

#[flowkit::test]
async fn r31_a_result_whose_drop_panics_hurts_only_who_drops_it() {
    #[task]
    async fn sticky(payload: Payload) -> Sticky {
        Sticky(payload)
    }

    #[task]
    async fn read(sticky: &Sticky) -> String {
        format!("{sticky:?}")
    }

    /// The result has no owner: the driver of the run drops it.
    #[flow]
    async fn nobody_keeps_it(payload: Payload) -> Result<()> {
        drop(sticky(payload).submit());
        Ok(())
    }

    /// The body drops it, so it is the body that panics.
    #[flow]
    async fn the_body_drops_it(payload: Payload) -> Result<()> {
        let _ = sticky(payload).await;
        Ok(())
    }

    /// The task that reads it is the last one to hold it.
    #[flow]
    async fn a_reader_drops_it(payload: Payload) -> Result<String> {
        Ok(read::of(sticky(payload).submit()).submit().await?)
    }

    for (payload, text) in PAYLOADS {
        let run = nobody_keeps_it(payload).run().await;
        assert_eq!(run.state(), State::Completed);
        assert_eq!(run.task_runs()[0].state, State::Completed);

        let run = the_body_drops_it(payload).run().await;
        let error = run.result().as_ref().unwrap_err();
        assert_eq!(error.to_string(), format!("flow `the_body_drops_it` panicked: {text}"));
        assert_eq!(run.task_runs()[0].state, State::Completed);

        let run = a_reader_drops_it(payload).run().await;
        assert!(run.task_runs().iter().all(|task_run| task_run.state.is_terminal()));
        assert!(run.state().is_terminal());
    }
    a_thousand_tasks_run().await;
}

#[flowkit::test]
async fn r31_a_result_that_comes_too_late_and_whose_drop_panics_is_a_failure() {
    #[task(timeout = "1s")]
    async fn late(payload: Payload) -> Sticky {
        // Moves the clock past the limit without giving the limit a chance.
        let sticky = Sticky(payload);
        busy_until_past_the_limit();
        sticky
    }

    fn busy_until_past_the_limit() {
        let past = tokio::time::advance(Duration::from_secs(2));
        futures::FutureExt::now_or_never(past);
    }

    #[flow]
    async fn try_it(payload: Payload) -> Result<()> {
        late(payload).await?;
        Ok(())
    }

    for (payload, text) in PAYLOADS {
        failed(&try_it(payload).run().await, &format!("task `late` panicked: {text}"));
    }
    a_thousand_tasks_run().await;
}

#[flowkit::test]
async fn r31_a_payload_whose_drop_panics_is_a_failure_too() {
    #[task]
    async fn nasty(payload: Payload) -> u32 {
        std::panic::panic_any(Sticky(payload))
    }

    #[task]
    fn nasty_on_a_thread(payload: Payload) -> u32 {
        std::panic::panic_any(Sticky(payload))
    }

    #[flow]
    async fn try_it(payload: Payload) -> Result<()> {
        let here = nasty(payload).submit();
        let there = nasty_on_a_thread(payload).submit();
        for result in settle_all([here, there, nasty(payload).retries(1).submit()]).await {
            assert!(result.unwrap_err().is_panicked());
        }
        Ok(())
    }

    for (payload, _) in PAYLOADS {
        let run = try_it(payload).run().await;
        run.result().as_ref().unwrap();
        assert!(run.task_runs().iter().all(|task_run| task_run.state == State::Failed));
    }
    a_thousand_tasks_run().await;
}

/// A result whose copy in the cache panics when it is dropped, as long as that is wanted.
struct Explosive {
    copies: u32,
}

static ARMED: AtomicBool = AtomicBool::new(true);

impl Clone for Explosive {
    fn clone(&self) -> Self {
        Self { copies: self.copies + 1 }
    }
}

impl Drop for Explosive {
    fn drop(&mut self) {
        if self.copies == 1 && ARMED.load(Ordering::SeqCst) {
            panic!("a cached result is dropped");
        }
    }
}

#[flowkit::test]
async fn d6_a_cached_result_whose_drop_panics_is_refreshed_and_expires_as_any_other() {
    #[task(cache = "inputs", cache_ttl = "1m")]
    async fn explosive(n: u32) -> Explosive {
        let _ = n;
        Explosive { copies: 0 }
    }
    #[flow]
    async fn cached() -> Result<()> {
        explosive(1).await?;
        explosive(1).refresh_cache().await?;
        explosive(1).await?;
        sleep(Duration::from_secs(61)).await;
        explosive(1).await?;
        Ok(())
    }
    let run = cached().run().await;
    let states: Vec<_> = run.task_runs().iter().map(|run| run.state).collect();
    use State::{Cached, Completed};
    assert_eq!(states, [Completed, Completed, Cached, Completed]);
    // The cache itself is dropped at the end of the test.
    ARMED.store(false, Ordering::SeqCst);
}
