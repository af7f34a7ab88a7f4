//! Timeouts: what one attempt may take, what a whole flow may take, and what they leave behind (B1 to B7).

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowkit::limits;
use flowkit::prelude::*;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep};

use crate::records::{only, seconds, states, waits};

const SECOND: Duration = Duration::from_secs(1);
const LIMIT: Duration = Duration::from_millis(200);

#[task(timeout = "200ms")]
async fn slow() {
    sleep(2 * SECOND).await;
}

#[flow]
async fn slow_in_place() -> Result<()> {
    Ok(slow().await?)
}

#[flow]
async fn slow_submitted() -> Result<()> {
    Ok(slow().submit().await?)
}

#[flowkit::test]
async fn b1_an_attempt_ends_at_its_limit_in_the_state_timed_out() {
    for run in [slow_in_place().run().await, slow_submitted().run().await] {
        let task_run = only(&run, "slow");
        assert_eq!(task_run.state, State::TimedOut);
        assert!(task_run.state.is_failure() && task_run.state.is_terminal());
        assert_eq!(task_run.duration(), Some(LIMIT));
        assert!(!task_run.orphaned, "an async body stops at its await");
        let report = task_run.error.as_deref().unwrap();
        assert_eq!(report.message, "task `slow` timed out: it was still running after 200ms");
        assert_eq!(run.state(), State::Failed, "the flow passed the error on");
    }
}

#[flowkit::test]
async fn b1_the_caller_gets_an_error_that_says_so() {
    let begin = Instant::now();
    let error = slow().await.unwrap_err();
    assert_eq!(begin.elapsed(), LIMIT);
    assert!(error.is_timed_out());
    let Error::TimedOut { limit, attempts, orphaned, .. } = error else { panic!("{error}") };
    assert_eq!((limit, attempts, orphaned), (LIMIT, 1, false));
}

#[flowkit::test]
async fn b2_a_timeout_is_a_failure_and_is_retried() {
    #[task(timeout = "200ms", retries = 2, retry_delay = "1s")]
    async fn slow() {
        sleep(2 * SECOND).await;
    }

    #[flow]
    async fn try_it() -> Result<()> {
        Ok(slow().await?)
    }

    let run = try_it().run().await;
    let task_run = only(&run, "slow");
    assert_eq!(task_run.attempt, 3);
    assert_eq!(waits(&task_run), seconds([1, 1]));
    assert_eq!(task_run.busy_time(), 3 * LIMIT);
    assert_eq!(task_run.state, State::TimedOut);
    let message = &task_run.error.as_deref().unwrap().message;
    assert_eq!(message, "task `slow` timed out: attempt 3 was still running after 200ms");
}

#[flowkit::test]
async fn b2_each_attempt_has_the_whole_limit() {
    #[task(timeout = "10s", retries = 1, retry_delay = "60s")]
    async fn slow_at_first() -> u32 {
        if ctx().attempt() == 1 {
            sleep(11 * SECOND).await;
        }
        sleep(9 * SECOND).await;
        ctx().attempt()
    }

    assert_eq!(slow_at_first().await.unwrap(), 2);
}

#[flowkit::test]
async fn b3_a_timeout_error_of_the_body_itself_is_an_ordinary_failure() {
    #[task(timeout = "10s")]
    async fn patient() -> Result<(), tokio::time::error::Elapsed> {
        tokio::time::timeout(LIMIT, sleep(2 * SECOND)).await
    }

    #[flow]
    async fn try_it() -> Result<()> {
        Ok(patient().await?)
    }

    let task_run = only(&try_it().run().await, "patient");
    assert_eq!(task_run.state, State::Failed);
    assert_eq!(task_run.error.as_deref().unwrap().message, "deadline has elapsed");
}

/// What a stuck body has: it says that it runs, and is stuck until the other end of `gate` is dropped.
struct Stuck {
    runs: oneshot::Sender<()>,
    gate: mpsc::Receiver<()>,
}

#[task(timeout = "10s")]
fn stuck(stuck: Arc<Mutex<Option<Stuck>>>) {
    let Stuck { runs, gate } = stuck.lock().unwrap().take().unwrap();
    runs.send(()).unwrap();
    let _ = gate.recv();
}

#[flow]
async fn call_stuck(body: Arc<Mutex<Option<Stuck>>>) -> Result<()> {
    Ok(stuck(body).await?)
}

#[flowkit::test]
async fn b4_a_blocking_task_times_out_at_its_limit_and_says_that_its_thread_runs_on() {
    let (runs, running) = oneshot::channel();
    let (release, gate) = mpsc::channel();
    let flow = call_stuck(Arc::new(Mutex::new(Some(Stuck { runs, gate })))).start();
    running.await.unwrap();
    // A blocking body holds the paused clock, so it is moved by hand.
    tokio::time::advance(10 * SECOND).await;
    // It comes back, though the body is still stuck.
    let run = flow.await;
    let task_run = only(&run, "stuck");
    assert_eq!(task_run.state, State::TimedOut);
    assert_eq!(task_run.duration(), Some(10 * SECOND));
    assert!(task_run.orphaned);
    assert_eq!(
        task_run.error.as_deref().unwrap().message,
        "task `stuck` timed out: it was still running after 10s, and its thread cannot be stopped"
    );
    drop(release);
}

#[tokio::test]
async fn b4_a_function_that_runs_in_place_breaks_its_limit_first_and_is_timed_out_then() {
    #[task(timeout = "2ms")]
    fn busy(how_long: &Duration) -> Instant {
        let begin = Instant::now();
        while begin.elapsed() < *how_long {
            std::hint::spin_loop();
        }
        Instant::now()
    }

    #[flow]
    async fn try_it() -> Result<Instant> {
        let how_long = Duration::from_millis(10);
        Ok(busy(&how_long).await?)
    }

    let task_run = only(&try_it().run().await, "busy");
    assert_eq!(task_run.state, State::TimedOut);
    assert!(!task_run.orphaned, "it has ended");
}

#[tokio::test]
async fn b4_a_body_that_never_yields_is_timed_out_when_it_returns_if_there_is_one_thread() {
    #[task(timeout = "2ms")]
    async fn busy() -> u32 {
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_millis(10) {
            std::hint::spin_loop();
        }
        7
    }

    #[flow]
    async fn try_it() -> Result<()> {
        let _ = busy().await;
        let _ = busy().submit().await;
        Ok(())
    }

    let run = try_it().run().await;
    let states: Vec<_> = run.task_runs().iter().map(|run| run.state).collect();
    assert_eq!(states, [State::TimedOut, State::TimedOut]);
}

#[flowkit::test]
async fn b5_a_task_that_is_cancelled_before_its_limit_is_cancelled() {
    #[task(timeout = "10s", retries = 3)]
    async fn slow() {
        sleep(60 * SECOND).await;
    }

    #[flow]
    async fn try_it() -> Result<()> {
        let handle = slow().submit();
        sleep(SECOND).await;
        handle.cancel();
        let error = handle.clone().await.unwrap_err();
        assert!(error.is_cancelled() && !error.is_timed_out());
        // Its limit passes, and nothing happens any more.
        sleep(60 * SECOND).await;
        assert_eq!(handle.state(), State::Cancelled);
        Ok(())
    }

    let run = try_it().run().await;
    assert!(run.result().is_ok());
    let task_run = only(&run, "slow");
    assert_eq!(states(&run, &task_run), [State::Pending, State::Running, State::Cancelled]);
    assert!(task_run.error.is_none());
}

#[task]
async fn minute(after: u32) -> u32 {
    sleep(60 * SECOND).await;
    after
}

#[flowkit::test]
async fn b6_a_flow_that_times_out_takes_its_tasks_along_at_once() {
    #[flow(timeout = "10s")]
    async fn hurried() -> Result<u32> {
        let running = minute(0).submit();
        let waiting = minute::of(&running).submit();
        let ended = only_a_second().submit();
        ended.await?;
        minute(1).await?;
        Ok(waiting.await?)
    }

    #[task]
    async fn only_a_second() {
        sleep(SECOND).await;
    }

    let begin = Instant::now();
    let run = hurried().run().await;
    assert_eq!(begin.elapsed(), 10 * SECOND);
    assert_eq!(run.state(), State::TimedOut);
    let error = run.result().as_ref().unwrap_err();
    assert_eq!(error.to_string(), "flow `hurried` timed out: it was still running after 10s");
    let states: Vec<_> = run.task_runs().iter().map(|run| run.state).collect();
    assert_eq!(states, [State::Cancelled, State::Cancelled, State::Completed, State::Cancelled]);
    let last = run.task_runs().iter().filter_map(|run| run.ended_at).max().unwrap();
    assert!(last <= run.flow().unwrap().ended_at.unwrap(), "no task outlives its flow");
}

#[flowkit::test]
async fn b6_the_limit_of_a_flow_counts_until_its_last_task_has_ended() {
    #[flow(timeout = "10s")]
    async fn forgetful() -> Result<u32> {
        drop(minute(0).submit());
        Ok(1)
    }

    let run = forgetful().run().await;
    assert_eq!(run.state(), State::TimedOut);
    assert_eq!(only(&run, "minute").state, State::Cancelled);
}

#[flowkit::test]
async fn b6_a_flow_that_times_out_is_retried() {
    #[flow(timeout = "90s", retries = 1, retry_delay = "5s")]
    async fn second_time_faster() -> Result<u32> {
        let first = minute(1).await?;
        if ctx().attempt() == 1 {
            minute(2).await?;
        }
        Ok(first)
    }

    let run = second_time_faster().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &1);
    assert_eq!(waits(&run.flow().unwrap()), seconds([5]));
    let states: Vec<_> = run.task_runs().iter().map(|run| run.state).collect();
    assert_eq!(states, [State::Completed, State::Cancelled, State::Cached]);
}

#[flowkit::test]
async fn b6_a_sub_flow_ends_with_the_parent_that_times_out() {
    #[flow]
    async fn child() -> Result<u32> {
        Ok(minute(0).await?)
    }

    #[flow(timeout = "10s")]
    async fn parent() -> Result<u32> {
        Ok(child().await?)
    }

    let run = parent().run().await;
    assert_eq!(run.state(), State::TimedOut);
    assert_eq!(only(&run, "child").state, State::Cancelled);
}

#[flowkit::test]
async fn b7_a_task_that_times_out_gives_its_slot_back() {
    #[task(timeout = "1s", concurrency = "database")]
    async fn query(waited: Arc<Mutex<Vec<Duration>>>, begin: Instant) {
        waited.lock().unwrap().push(begin.elapsed());
        sleep(60 * SECOND).await;
    }

    #[flow]
    async fn three_queries(waited: Arc<Mutex<Vec<Duration>>>) -> Result<()> {
        let begin = Instant::now();
        let handles = [(); 3].map(|()| query(waited.clone(), begin).submit());
        for result in settle_all(handles).await {
            assert!(result.unwrap_err().is_timed_out());
        }
        Ok(())
    }

    limits::set("database", 1);
    let waited = Arc::default();
    three_queries(Arc::clone(&waited)).await.unwrap();
    // One after the other; what waits for a slot does not use up its own limit.
    assert_eq!(*waited.lock().unwrap(), seconds([0, 1, 2]));
    assert_eq!(limits::free("database"), Some(1));
}

#[flowkit::test]
async fn the_limit_does_not_count_the_wait_for_inputs() {
    #[task(timeout = "1s")]
    async fn quick(minutes: u32) -> u32 {
        sleep(SECOND / 2).await;
        minutes + 1
    }

    #[flow]
    async fn try_it() -> Result<u32> {
        let first = quick::of(minute(1)).await?;
        Ok(quick::of(minute(first)).submit().await?)
    }

    assert_eq!(try_it().await.unwrap(), 3);
}

#[flowkit::test]
async fn a_call_may_set_a_limit_or_lift_the_one_of_the_attribute() {
    assert!(minute(0).timeout(59 * SECOND).await.unwrap_err().is_timed_out());
    assert_eq!(minute(3).timeout(61 * SECOND).await.unwrap(), 3);
    assert!(slow().timeout(Duration::MAX).await.is_ok());
}

#[flowkit::test]
async fn what_a_body_holds_is_dropped_at_its_limit() {
    type Seen = Arc<Mutex<Vec<&'static str>>>;

    struct Guard(Seen);

    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.lock().unwrap().push("dropped");
        }
    }

    #[task(timeout = "1s")]
    async fn holding(seen: Seen) {
        let _guard = Guard(seen);
        sleep(60 * SECOND).await;
    }

    #[flow]
    async fn try_it(seen: Seen) -> Result<()> {
        assert!(holding(seen.clone()).submit().await.is_err());
        seen.lock().unwrap().push("submitted ended");
        assert!(holding(seen.clone()).await.is_err());
        seen.lock().unwrap().push("awaited ended");
        Ok(())
    }

    let seen = Seen::default();
    try_it(Arc::clone(&seen)).await.unwrap();
    assert_eq!(*seen.lock().unwrap(), ["dropped", "submitted ended", "dropped", "awaited ended"]);
}
