//! Panics in bodies: async, on a thread, of a flow, with a lock held.

use std::sync::{Arc, Mutex};

use flowkit::Runtime;
use flowkit::policy::TaskPolicy;
use flowkit::prelude::*;

use super::{PAYLOADS, Payload, a_thousand_tasks_run, failed, plus_one};

#[flowkit::test]
async fn r31_a_panic_in_the_body_is_a_failure_with_its_text() {
    #[task(retries = 3)]
    async fn shaky(payload: Payload) -> u32 {
        payload.throw()
    }

    #[flow]
    async fn in_place(payload: Payload) -> Result<u32> {
        Ok(shaky(payload).await?)
    }

    #[flow]
    async fn submitted(payload: Payload) -> Result<u32> {
        Ok(shaky(payload).submit().await?)
    }

    #[flow]
    async fn with_a_limit(payload: Payload) -> Result<u32> {
        Ok(shaky(payload).timeout(std::time::Duration::from_secs(1)).submit().await?)
    }

    for (payload, text) in PAYLOADS {
        let message = format!("task `shaky` panicked: {text}");
        for run in
            [in_place(payload).run().await, submitted(payload).run().await, with_a_limit(payload).run().await]
        {
            assert_eq!(failed(&run, &message).attempt, 1);
        }
    }
    a_thousand_tasks_run().await;
}

#[flowkit::test]
async fn r31_a_panic_on_a_blocking_thread_is_a_failure_with_its_text() {
    #[task]
    fn shaky(payload: Payload) -> u32 {
        payload.throw()
    }

    #[task]
    fn shaky_in_place(payload: &Payload) -> u32 {
        payload.throw()
    }

    #[flow]
    async fn awaited(payload: Payload) -> Result<u32> {
        Ok(shaky(payload).await?)
    }

    #[flow]
    async fn borrowed(payload: Payload) -> Result<u32> {
        Ok(shaky_in_place(&payload).await?)
    }

    for (payload, text) in PAYLOADS {
        failed(&awaited(payload).run().await, &format!("task `shaky` panicked: {text}"));
        failed(&borrowed(payload).run().await, &format!("task `shaky_in_place` panicked: {text}"));
    }
    a_thousand_tasks_run().await;
}

#[flowkit::test]
async fn r31_a_panic_in_the_body_of_a_flow_is_a_failure_of_the_flow_and_its_tasks_end() {
    #[flow]
    async fn shaky(payload: Payload) -> Result<u32> {
        drop(plus_one(1).submit());
        payload.throw()
    }

    for (payload, text) in PAYLOADS {
        let run = shaky(payload).run().await;
        assert_eq!(run.state(), State::Failed);
        let error = run.result().as_ref().unwrap_err();
        assert_eq!(error.to_string(), format!("flow `shaky` panicked: {text}"));
        assert!(run.task_runs().iter().all(|task_run| task_run.state.is_terminal()));
    }
    a_thousand_tasks_run().await;
}

#[flowkit::test]
async fn r31_a_panic_while_a_mutex_is_locked_poisons_that_mutex_and_nothing_of_flowkit() {
    #[task]
    async fn shaky(payload: Payload, shared: Arc<Mutex<u32>>) -> u32 {
        let _guard = shared.lock();
        payload.throw()
    }

    #[task]
    fn shaky_on_a_thread(payload: Payload, shared: Arc<Mutex<u32>>) -> u32 {
        let _guard = shared.lock();
        payload.throw()
    }

    #[flow]
    async fn try_it(payload: Payload, shared: Arc<Mutex<u32>>) -> Result<()> {
        let here = shaky(payload, shared.clone()).submit();
        let there = shaky_on_a_thread(payload, shared).submit();
        for result in settle_all([here, there]).await {
            assert!(result.unwrap_err().is_panicked());
        }
        Ok(())
    }

    for (payload, _) in PAYLOADS {
        let shared = Arc::new(Mutex::new(0));
        try_it(payload, Arc::clone(&shared)).await.unwrap();
        assert!(shared.is_poisoned());
    }
    a_thousand_tasks_run().await;
}

#[flowkit::test]
async fn r31_a_panic_is_retried_where_the_policy_says_so() {
    #[task(retries = 2)]
    async fn shaky(payload: Payload) -> u32 {
        if ctx().attempt() < 3 { payload.throw() } else { 3 }
    }

    #[flow]
    async fn try_it(payload: Payload) -> Result<u32> {
        Ok(shaky(payload).submit().await?)
    }

    let runtime = Runtime::builder().task_defaults(TaskPolicy::EMPTY.retry_panics(true)).build();
    for (payload, text) in PAYLOADS {
        let run = try_it(payload).on(&runtime).run().await;
        assert_eq!(run.result().as_ref().unwrap(), &3);
        let attempts = run.task_runs()[0].attempts();
        assert_eq!(attempts[0].error.as_ref().unwrap().message, format!("task `shaky` panicked: {text}"));
    }
}
