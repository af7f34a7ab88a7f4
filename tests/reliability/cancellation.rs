//! S1: what a cancellation finds, wherever the run happens to be, and what it leaves behind: nothing.

use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use flowkit::RunningFlow;
use flowkit::model::TaskRunId;
use flowkit::prelude::*;
use tokio::sync::oneshot;

use crate::support::{Bodies, HOUR, replay};

const SECOND: Duration = Duration::from_secs(1);

/// Where the one task of a flow is when it is stopped.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Place {
    Body,
    Input,
    Slot,
    Retry,
    Cache,
}

const PLACES: [Place; 5] = [Place::Body, Place::Input, Place::Slot, Place::Retry, Place::Cache];

#[task]
async fn waits(bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
    1
}

#[task]
async fn takes(number: u64) -> u64 {
    number
}

#[task(concurrency = "disk")]
async fn writes(bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
    2
}

#[task(retries = 3, retry_delay = "2h")]
async fn fails(bodies: Bodies) -> Result<u64, String> {
    let _inside = bodies.enter();
    Err("not now".into())
}

#[task(cache = |_bodies| "one key")]
async fn computes(bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
    3
}

/// Puts a task into a scope; the other task there continues if only that one is stopped.
#[flow]
async fn puts_into(place: Place, bodies: Bodies, stop_one: bool) -> Result<State> {
    flowkit::limits::set("disk", 1);
    let id = match place {
        Place::Body => stop(&waits(bodies).submit(), stop_one).await,
        Place::Input => stop(&takes::submit(waits(bodies).submit()), stop_one).await,
        Place::Slot => {
            let _ = writes(bodies.clone()).submit();
            stop(&writes(bodies).submit(), stop_one).await
        }
        Place::Retry => stop(&fails(bodies).submit(), stop_one).await,
        Place::Cache => {
            let _ = computes(bodies.clone()).submit();
            stop(&computes(bodies).submit(), stop_one).await
        }
    };
    Ok(id)
}

async fn stop<T: Send + Sync, E: flowkit::TaskError>(handle: &Handle<T, E>, stop: bool) -> State {
    flowkit::sleep(SECOND).await;
    if stop {
        handle.cancel();
    }
    handle.ended().await
}

#[flowkit::test]
async fn s1_a_flow_that_is_cancelled_ends_at_once_wherever_its_tasks_wait() {
    for place in PLACES {
        let bodies = Bodies::default();
        let running = puts_into(place, bodies.clone(), false).start();
        tokio::time::sleep(2 * SECOND).await;
        running.cancel();
        let run = running.await;
        bodies.assert_all_over();
        assert_eq!(run.state(), State::Cancelled, "{place:?}");
        assert_eq!(run.flow().unwrap().duration(), Some(2 * SECOND), "{place:?}");
        assert!(run.task_runs().iter().all(|run| run.state == State::Cancelled), "{place:?}");
        assert_eq!(bodies.begun(), 1, "{place:?}");
        assert_eq!(flowkit::limits::free("disk"), Some(1), "{place:?}");
        replay::assert_structured(&run.events());
    }
}

#[flowkit::test]
async fn s1_a_task_run_that_is_cancelled_ends_at_once_wherever_it_waits_and_the_others_go_on() {
    for place in PLACES {
        let bodies = Bodies::default();
        let run = puts_into(place, bodies.clone(), true).run().await;
        bodies.assert_all_over();
        assert_eq!(*run.result().as_ref().unwrap(), State::Cancelled, "{place:?}");
        let mut ends: Vec<_> = run.task_runs().iter().map(|run| (run.ended_at.unwrap(), run.state)).collect();
        ends.sort_by_key(|(at, _)| *at);
        assert_eq!(ends[0].0.since(run.flow().unwrap().created_at), SECOND, "{place:?}: {ends:?}");
        assert_eq!(ends[0].1, State::Cancelled, "{place:?}");
        assert!(ends[1..].iter().all(|(_, state)| *state == State::Completed), "{place:?}");
        assert_eq!(flowkit::limits::free("disk"), Some(1), "{place:?}");
    }
}

#[flowkit::test]
async fn s1_a_flow_that_is_cancelled_before_it_starts_never_runs_its_body() {
    let bodies = Bodies::default();
    let running = puts_into(Place::Body, bodies.clone(), false).start();
    running.cancel();
    let run = running.await;
    assert_eq!((bodies.begun(), run.state()), (0, State::Cancelled));
    assert_eq!(replay::names(&run.events(), TaskRunId::FLOW), ["created", "cancelling", "cancelled"]);
}

#[flowkit::test]
async fn s1_cancelling_twice_is_cancelling_once() {
    let running = puts_into(Place::Body, Bodies::default(), false).start();
    tokio::time::sleep(2 * SECOND).await;
    running.cancel();
    running.cancel();
    tokio::task::yield_now().await;
    running.cancel();
    let run = running.await;
    assert_eq!(
        replay::names(&run.events(), TaskRunId::FLOW),
        ["created", "started", "cancelling", "cancelled"]
    );
    assert_eq!(replay::names(&run.events(), TaskRunId::new(1)), ["created", "started", "cancelled"]);
}

#[flow(retries = 3, retry_delay = "1h")]
async fn tries_again(bodies: Bodies) -> Result<u64, String> {
    let _inside = bodies.enter();
    Err("not now".into())
}

#[flowkit::test]
async fn s1_a_flow_is_cancelled_in_its_own_retry_delay() {
    let bodies = Bodies::default();
    let running = tries_again(bodies.clone()).start();
    tokio::time::sleep(2 * SECOND).await;
    assert_eq!(running.state(), State::AwaitingRetry);
    running.cancel();
    let run = running.await;
    assert_eq!((run.state(), bodies.begun()), (State::Cancelled, 1));
    let flow = run.flow().unwrap();
    assert_eq!(flow.ended_at.unwrap().since(flow.created_at), 2 * SECOND);
}

type Shared<T> = Arc<Mutex<Option<T>>>;

#[task]
async fn cancels_itself(own: Shared<Handle<u64, std::convert::Infallible>>, bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    own.lock().unwrap().as_ref().unwrap().cancel();
    tokio::time::sleep(HOUR).await;
    1
}

#[flow]
async fn has_one_that_cancels_itself(bodies: Bodies) -> Result<State> {
    let own = Shared::default();
    let handle = cancels_itself(Arc::clone(&own), bodies).submit();
    *own.lock().unwrap() = Some(handle.clone());
    let state = handle.ended().await;
    own.lock().unwrap().take();
    Ok(state)
}

#[flowkit::test]
async fn s1_a_task_may_cancel_itself() {
    let bodies = Bodies::default();
    let run = has_one_that_cancels_itself(bodies.clone()).run().await;
    bodies.assert_all_over();
    assert_eq!(*run.result().as_ref().unwrap(), State::Cancelled);
    assert_eq!(run.flow().unwrap().duration(), Some(Duration::ZERO));
}

type OwnFlow = Shared<RunningFlow<(), flowkit::BoxError>>;

#[task]
async fn cancels_its_flow(own: OwnFlow) {
    own.lock().unwrap().as_ref().unwrap().cancel();
}

#[flow]
async fn is_cancelled_from_inside(own: OwnFlow, bodies: Bodies) -> Result<()> {
    let _ = waits(bodies.clone()).submit();
    flowkit::sleep(SECOND).await;
    cancels_its_flow(own).await?;
    waits(bodies).await?;
    Ok(())
}

#[flowkit::test]
async fn s1_a_task_may_cancel_the_flow_it_runs_in() {
    let (own, bodies) = (OwnFlow::default(), Bodies::default());
    *own.lock().unwrap() = Some(is_cancelled_from_inside(Arc::clone(&own), bodies.clone()).start());
    tokio::time::sleep(2 * SECOND).await;
    let running = own.lock().unwrap().take().unwrap();
    let run = running.await;
    bodies.assert_all_over();
    let task_runs = run.task_runs();
    let ends: Vec<_> = task_runs.iter().map(|run| (&*run.task, run.state)).collect();
    assert_eq!(run.state(), State::Cancelled);
    // The one that cancels returns before its next await, so it has succeeded; the one after it never begins.
    assert_eq!(ends[..2], [("waits", State::Cancelled), ("cancels_its_flow", State::Completed)]);
    let flow = run.flow().unwrap();
    assert_eq!(flow.ended_at.unwrap().since(flow.created_at), SECOND);
}

#[flow]
async fn selects(bodies: Bodies) -> Result<State> {
    let handle = waits(bodies.clone()).submit();
    tokio::select! {
        _ = waits(bodies.clone()) => panic!("it waits for an hour"),
        _ = &handle => panic!("it waits for an hour"),
        () = flowkit::sleep(SECOND) => {}
    }
    assert_eq!((bodies.begun(), bodies.over()), (2, 1));
    assert!(!ctx().is_cancelled());
    Ok(handle.state())
}

#[flowkit::test]
async fn s1_a_call_that_loses_a_select_is_cancelled_and_a_handle_that_loses_one_goes_on() {
    let bodies = Bodies::default();
    let run = selects(bodies.clone()).run().await;
    bodies.assert_all_over();
    assert_eq!(*run.result().as_ref().unwrap(), State::Running);
    let ends: Vec<_> = run.task_runs().iter().map(|run| run.state).collect();
    assert_eq!((ends, run.state()), (vec![State::Completed, State::Cancelled], State::Completed));
}

/// Blocks its thread until it is let go.
#[task(concurrency = "disk")]
fn blocks(begun: Shared<oneshot::Sender<()>>, go: Shared<mpsc::Receiver<()>>, bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    begun.lock().unwrap().take().unwrap().send(()).unwrap();
    let go = go.lock().unwrap().take().unwrap();
    let _ = go.recv();
    5
}

#[flow]
async fn has_one_that_blocks(
    begun: Shared<oneshot::Sender<()>>,
    go: Shared<mpsc::Receiver<()>>,
    bodies: Bodies,
) -> Result<u64> {
    Ok(blocks(begun, go, bodies).submit().await?)
}

#[flow]
async fn writes_once(bodies: Bodies) -> Result<u64> {
    Ok(writes(bodies).await?)
}

fn shared<T>(value: T) -> Shared<T> {
    Arc::new(Mutex::new(Some(value)))
}

#[flowkit::test]
async fn s1_r35_a_blocking_task_is_left_behind_and_keeps_its_slot_until_its_thread_is_free() {
    flowkit::limits::set("disk", 1);
    let (bodies, (begun, has_begun), (go, gate)) = (Bodies::default(), oneshot::channel(), mpsc::channel());
    let running = has_one_that_blocks(shared(begun), shared(gate), bodies.clone()).start();
    has_begun.await.unwrap();
    running.cancel();
    let run = running.await;
    assert_eq!(run.state(), State::Cancelled);
    let [task_run] = &run.task_runs()[..] else { panic!() };
    assert_eq!((task_run.state, task_run.orphaned), (State::Cancelled, true));
    assert_eq!((bodies.begun(), bodies.over()), (1, 0), "the thread still runs");
    assert_eq!(flowkit::limits::free("disk"), Some(0));

    // The next one gets the slot as soon as the thread has ended: no earlier, no later.
    let next = writes_once(bodies.clone()).start();
    tokio::task::yield_now().await;
    assert_eq!(bodies.begun(), 1);
    go.send(()).unwrap();
    let next = next.await;
    assert_eq!(next.state(), State::Completed);
    assert_eq!((bodies.most(), flowkit::limits::free("disk")), (1, Some(1)));
    bodies.assert_all_over();
}
