//! Panics in the user's code around a body: errors, keys, clones, names, conditions, hooks.

use std::fmt;

use flowkit::prelude::*;
use flowkit::{Runtime, limits};

use super::{PAYLOADS, Payload, a_thousand_tasks_run, failed};

/// An error that panics when it is shown.
struct Unspeakable(Payload);

impl fmt::Debug for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.throw()
    }
}

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.throw()
    }
}

impl std::error::Error for Unspeakable {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.throw()
    }
}

#[flowkit::test]
async fn r31_an_error_that_cannot_be_shown_is_a_failure_all_the_same() {
    #[task]
    async fn unspeakable(payload: Payload) -> Result<u32, Unspeakable> {
        Err(Unspeakable(payload))
    }

    #[flow]
    async fn awaited(payload: Payload) -> Result<u32> {
        Ok(unspeakable(payload).await?)
    }

    #[flow]
    async fn submitted(payload: Payload, retries: u32) -> Result<u32> {
        Ok(unspeakable(payload).retries(retries).submit().await?)
    }

    for (payload, text) in PAYLOADS {
        let message = format!("an error that cannot be shown: {text}");
        let run = awaited(payload).run().await;
        failed(&run, &message);
        assert_eq!(run.flow().unwrap().error.as_deref().unwrap().message, message);
        for retries in [0, 2] {
            let run = submitted(payload, retries).run().await;
            assert_eq!(failed(&run, &message).attempt, retries + 1);
        }
    }
    a_thousand_tasks_run().await;
}

/// Panics when it is serialized or cloned.
struct Opaque(Payload);

impl serde::Serialize for Opaque {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        self.0.throw()
    }
}

impl Clone for Opaque {
    fn clone(&self) -> Self {
        self.0.throw()
    }
}

/// As with every key that cannot be made: the task runs, and nothing is cached.
#[flowkit::test]
async fn r31_a_cache_key_that_panics_switches_caching_off() {
    #[task(cache = |payload| -> u32 { payload.throw() })]
    async fn by_key(payload: Payload) -> u32 {
        payload as u32
    }

    #[task(cache = "inputs")]
    async fn by_inputs(opaque: Opaque) -> u32 {
        opaque.0 as u32
    }

    #[flow]
    async fn try_it(payload: Payload) -> Result<()> {
        let handles = [by_key(payload).submit(), by_key(payload).submit()];
        let handles = handles.into_iter().chain([(); 2].map(|()| by_inputs(Opaque(payload)).submit()));
        for result in settle_all(handles).await {
            assert_eq!(result?, payload as u32);
        }
        Ok(())
    }

    for (payload, _) in PAYLOADS {
        let run = try_it(payload).run().await;
        run.result().as_ref().unwrap();
        // None of them is `Cached`.
        assert!(run.task_runs().iter().all(|task_run| task_run.state == State::Completed));
    }
    a_thousand_tasks_run().await;
}

/// A flow with retries makes a key of every call, to find it again: without one, their order must do.
#[flowkit::test]
async fn r31_an_argument_that_panics_when_a_flow_remembers_the_call_does_no_harm() {
    #[task]
    async fn plain(opaque: Opaque) -> u32 {
        opaque.0 as u32
    }

    #[flow(retries = 1)]
    async fn try_it(payload: Payload) -> Result<u32> {
        let value = plain(Opaque(payload)).submit().await?;
        if ctx().attempt() == 1 { Err("again".into()) } else { Ok(value) }
    }

    for (payload, _) in PAYLOADS {
        let run = try_it(payload).run().await;
        assert_eq!(run.result().as_ref().unwrap(), &(payload as u32));
        let states: Vec<_> = run.task_runs().iter().map(|run| run.state).collect();
        // What has no digest cannot be compared, so the call is made again.
        assert_eq!(states, [State::Completed, State::Completed]);
    }
    a_thousand_tasks_run().await;
}

#[flowkit::test]
async fn r31_an_argument_or_a_result_whose_clone_panics_is_a_failure() {
    #[task(retries = 1, concurrency = "one")]
    async fn takes(opaque: Opaque) -> u32 {
        opaque.0 as u32
    }

    #[task(cache = |_| 1)]
    async fn gives(payload: Payload) -> Opaque {
        Opaque(payload)
    }

    #[flow]
    async fn call_takes(payload: Payload) -> Result<u32> {
        Ok(takes(Opaque(payload)).await?)
    }

    #[flow]
    async fn call_gives(payload: Payload) -> Result<u32> {
        Ok(gives(payload).submit().await?.0 as u32)
    }

    limits::set("one", 1);
    for (payload, text) in PAYLOADS {
        failed(&call_takes(payload).run().await, &format!("task `takes` panicked: {text}"));
        assert_eq!(limits::free("one"), Some(1));
        failed(&call_gives(payload).run().await, &format!("task `gives` panicked: {text}"));
    }
    a_thousand_tasks_run().await;
}

#[flowkit::test]
async fn r31_a_run_name_that_panics_is_a_failure() {
    struct Nameless(Payload);

    impl fmt::Display for Nameless {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.throw()
        }
    }

    #[task(run_name = "run of {nameless}")]
    async fn named(nameless: Nameless) -> u32 {
        nameless.0 as u32
    }

    #[flow]
    async fn try_it(payload: Payload) -> Result<u32> {
        Ok(named(Nameless(payload)).submit().await?)
    }

    for (payload, text) in PAYLOADS {
        failed(&try_it(payload).run().await, &format!("task `named` panicked: {text}"));
    }
    a_thousand_tasks_run().await;
}

#[flowkit::test]
async fn r31_a_retry_condition_that_panics_leaves_the_failure_as_it_is() {
    #[task(retries = 3)]
    async fn doomed() -> Result<u32, String> {
        Err("no".into())
    }

    #[flow]
    async fn try_it(payload: Payload) -> Result<u32> {
        Ok(doomed().retry_if(move |_| payload.throw()).submit().await?)
    }

    for (payload, text) in PAYLOADS {
        let message = format!("no (not retried: `retry_if` panicked: {text})");
        assert_eq!(failed(&try_it(payload).run().await, &message).attempt, 1);
    }
    a_thousand_tasks_run().await;
}

#[flowkit::test]
async fn r31_hooks_that_panic_change_nothing() {
    #[task(retries = 1)]
    async fn second_time_lucky() -> Result<u32, String> {
        if ctx().attempt() == 1 { Err("no".into()) } else { Ok(2) }
    }

    #[flow]
    async fn try_it(payload: Payload) -> Result<u32> {
        let call =
            second_time_lucky().on_running(move |_| payload.throw()).on_retry(move |_| payload.throw());
        Ok(call.on_success(move |_| payload.throw()).submit().await?)
    }

    for (payload, _) in PAYLOADS {
        let runtime = Runtime::builder().observe(move |_| payload.throw()).build();
        let run = try_it(payload).on(&runtime).run().await;
        assert_eq!(run.result().as_ref().unwrap(), &2);
        assert_eq!(run.task_runs()[0].attempt, 2);
    }
    a_thousand_tasks_run().await;
}
