//! I1 to I4, and a flow inside a flow: a node in the parent, its own run, and one end for both.

use std::error::Error as _;
use std::sync::Arc;
use std::time::Duration;

use flowkit::model::{FlowRunId, Kind};
use flowkit::prelude::*;
use flowkit::{Refusal, Runtime};
use tokio::sync::oneshot;

use crate::support::{Bodies, HOUR, replay};

#[task]
async fn double(x: u64) -> u64 {
    2 * x
}

#[task]
async fn waits(bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
    7
}

#[task]
async fn fails() -> Result<u64, String> {
    Err("no disk".into())
}

/// Says who it is, from inside.
#[flow(name = "Inner", run_name = "inner {x}")]
async fn inner(x: u64) -> Result<(FlowRunId, u64)> {
    let doubled = double(x).submit();
    Ok((ctx().flow_run_id().unwrap(), doubled.await?))
}

#[flow]
async fn calls_one() -> Result<FlowRunId> {
    let (id, doubled) = inner(4).await?;
    assert_eq!(doubled, 8);
    assert_ne!(Some(id), ctx().flow_run_id());
    Ok(id)
}

#[flowkit::test]
async fn i1_a_flow_called_in_a_flow_is_a_node_of_the_parent_and_a_run_of_its_own() {
    let run = calls_one().run().await;
    let [node] = &run.task_runs()[..] else { panic!("one node: {:?}", run.task_runs()) };
    assert_eq!(node.flow_run.as_ref(), run.result().as_ref().ok());
    assert_ne!(node.flow_run, run.id());
    assert_eq!((&*node.task, node.label(), node.state), ("Inner", "inner 4".into(), State::Completed));
    let graph = run.graph();
    assert_eq!((graph.nodes().len(), graph.nodes()[0].kind), (1, Kind::Flow));
    replay::assert_structured(&run.events());
}

#[task]
async fn number() -> u64 {
    tokio::time::sleep(HOUR).await;
    20
}

#[flow]
async fn passes_handles() -> Result<Vec<u64>> {
    let number = number().submit();
    let first = inner::submit(&number);
    let second = inner::of(&number).after(&first).submit();
    let third = inner::of(first_number(&first)).await?;
    let mapped = inner::map([1, 2]);
    let mut doubled = vec![first.await?.1, second.await?.1, third.1];
    doubled.extend(mapped.await?.iter().map(|(_, doubled)| doubled));
    Ok(doubled)
}

/// The number that a sub-flow returned, as a separate task.
fn first_number(
    handle: &Handle<(FlowRunId, u64), flowkit::BoxError>,
) -> Handle<u64, std::convert::Infallible> {
    second_of::submit(handle)
}

#[task]
async fn second_of(pair: (FlowRunId, u64)) -> u64 {
    pair.1
}

#[flowkit::test]
async fn i1_a_sub_flow_takes_handles_as_a_task_does() {
    let run = passes_handles().run().await;
    assert_eq!(*run.result().as_ref().unwrap(), [40, 40, 80, 2, 4]);
    let edges: Vec<_> = run.task_runs().iter().map(|node| node.edges.len()).collect();
    assert_eq!(edges, [0, 1, 2, 1, 1, 0, 0]);
    replay::assert_structured(&run.events());
}

#[flow]
async fn broken(bodies: Bodies) -> Result<u64> {
    let _ = double(1).submit();
    let _inside = bodies.enter();
    Ok(fails().await?)
}

#[flow]
async fn calls_broken(bodies: Bodies) -> Result<u64> {
    Ok(broken(bodies).await? + 1)
}

#[flow]
async fn looks_at_broken(bodies: Bodies) -> Result<u64> {
    let run = broken(bodies).run().await;
    assert_eq!(run.state(), State::Failed);
    Ok(run.into_result().unwrap_or(1))
}

#[flowkit::test]
async fn i2_a_failing_sub_flow_raises_in_its_parent_and_run_does_not() {
    let run = calls_broken(Bodies::default()).run().await;
    assert_eq!(run.state(), State::Failed);
    assert_eq!(run.task_runs()[0].state, State::Failed);
    let error = run.into_result().unwrap_err();
    let chain: Vec<_> =
        std::iter::successors(error.source(), |error| (*error).source()).map(ToString::to_string).collect();
    assert_eq!(chain, ["flow `broken` failed", "task `fails` failed: no disk"]);

    let run = looks_at_broken(Bodies::default()).run().await;
    assert_eq!((run.state(), run.task_runs().len()), (State::Completed, 0));
}

#[flow(max_concurrency = 1)]
async fn one_at_a_time(bodies: Bodies) -> Result<()> {
    let all: Vec<_> = (0..4).map(|_| waits(bodies.clone()).submit()).collect();
    Handles::from_iter(all).await?;
    Ok(())
}

#[flow(max_concurrency = 1)]
async fn one_and_one(own: Bodies, inner: Bodies) -> Result<()> {
    let sub_flow = one_at_a_time(inner).submit();
    let all: Vec<_> = (0..4).map(|_| waits(own.clone()).submit()).collect();
    Handles::from_iter(all).await?;
    Ok(sub_flow.await?)
}

#[flowkit::test]
async fn i3_a_sub_flow_has_a_max_concurrency_of_its_own() {
    let (own, inner) = (Bodies::default(), Bodies::default());
    let start = tokio::time::Instant::now();
    one_and_one(own.clone(), inner.clone()).await.unwrap();
    assert_eq!((own.most(), inner.most()), (1, 1));
    assert_eq!(start.elapsed(), 4 * HOUR, "both ran beside each other");
}

#[task(concurrency = "disk")]
async fn writes(bodies: Bodies) {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
}

#[flow]
async fn writes_twice(bodies: Bodies) -> Result<()> {
    let (first, second) = (writes(bodies.clone()).submit(), writes(bodies).submit());
    first.await?;
    second.await?;
    Ok(())
}

#[flow]
async fn two_that_write(bodies: Bodies) -> Result<()> {
    let (first, second) = (writes_twice(bodies.clone()).submit(), writes_twice(bodies).submit());
    first.await?;
    second.await?;
    Ok(())
}

#[flowkit::test]
async fn i3_a_sub_flow_runs_in_the_runtime_of_its_parent_with_its_limits() {
    let bodies = Bodies::default();
    let runtime = Runtime::builder().limit("disk", 1).build();
    two_that_write(bodies.clone()).on(&runtime).await.unwrap();
    assert_eq!((bodies.begun(), bodies.most()), (4, 1));
}

#[task]
async fn flaky(bodies: Bodies) -> Result<u32, String> {
    let _inside = bodies.enter();
    Err("again".into())
}

#[flow]
async fn tries_one(bodies: Bodies) -> Result<u32> {
    Ok(flaky(bodies).await?)
}

#[flow(task_defaults(retries = 3))]
async fn has_defaults(bodies: Bodies) -> Result<u32> {
    Ok(tries_one(bodies).await?)
}

#[flowkit::test]
async fn i3_the_task_defaults_of_a_flow_are_for_its_own_tasks_and_not_for_its_sub_flows() {
    let bodies = Bodies::default();
    assert!(has_defaults(bodies.clone()).await.is_err());
    assert_eq!(bodies.begun(), 1);
}

#[flow]
async fn calls_twice() -> Result<[FlowRunId; 2]> {
    Ok([inner(1).await?.0, inner(1).await?.0])
}

#[flowkit::test]
async fn i4_two_calls_of_the_same_child_are_two_runs() {
    let run = calls_twice().run().await;
    let [first, second] = *run.result().as_ref().unwrap();
    assert_ne!(first, second);
    let linked: Vec<_> = run.task_runs().iter().map(|run| run.flow_run).collect();
    assert_eq!(linked, [Some(first), Some(second)]);
}

#[flow]
async fn long(bodies: Bodies) -> Result<u64> {
    Ok(waits(bodies).submit().await?)
}

#[flow]
async fn cancels_one(bodies: Bodies) -> Result<State> {
    let sub_flow = long(bodies).submit();
    let other = number().submit();
    flowkit::sleep(Duration::from_secs(1)).await;
    sub_flow.cancel();
    assert!(sub_flow.clone().await.unwrap_err().is_cancelled());
    assert_eq!(other.state(), State::Running);
    Ok(sub_flow.state())
}

#[flowkit::test]
async fn i6_cancelling_the_handle_of_a_sub_flow_ends_it_at_once_with_its_tasks_and_nothing_else() {
    let bodies = Bodies::default();
    let run = cancels_one(bodies.clone()).run().await;
    assert_eq!(*run.result().as_ref().unwrap(), State::Cancelled);
    bodies.assert_all_over();
    let created_at = run.flow().unwrap().created_at;
    let ended = run.task_runs().into_iter().map(|run| run.ended_at.unwrap().since(created_at));
    let ended: Vec<_> = ended.collect();
    assert_eq!(ended, [Duration::from_secs(1), HOUR]);
}

#[flow(timeout = "1m")]
async fn too_long(bodies: Bodies) -> Result<u64> {
    Ok(long(bodies).submit().await?)
}

#[flow]
async fn calls_too_long(bodies: Bodies) -> Result<State> {
    let sub_flow = too_long(bodies.clone()).submit();
    let error = sub_flow.clone().await.unwrap_err();
    bodies.assert_all_over();
    assert!(error.is_timed_out(), "{error:?}");
    Ok(sub_flow.state())
}

#[flowkit::test]
async fn b6_a_flow_whose_time_is_up_ends_as_timed_out_and_its_tasks_and_sub_flows_as_cancelled() {
    let bodies = Bodies::default();
    let run = too_long(bodies.clone()).run().await;
    bodies.assert_all_over();
    assert_eq!(run.state(), State::TimedOut);
    assert_eq!(run.task_runs()[0].state, State::Cancelled);
    assert_eq!(run.flow().unwrap().duration(), Some(Duration::from_secs(60)));
    let error = run.into_result().unwrap_err().to_string();
    assert_eq!(error, "flow `too_long` timed out: it was still running after 60s");

    let run = calls_too_long(Bodies::default()).run().await;
    assert_eq!(*run.result().as_ref().unwrap(), State::TimedOut);
}

#[flow]
async fn runs_on(bodies: Bodies, id: Arc<std::sync::Mutex<Option<oneshot::Sender<FlowRunId>>>>) -> u64 {
    let running = long(bodies).start();
    let sender = id.lock().unwrap().take().unwrap();
    sender.send(running.id().unwrap()).unwrap();
    drop(running);
    1
}

#[flowkit::test]
async fn a_run_started_in_a_flow_has_ended_when_the_flow_has() {
    let bodies = Bodies::default();
    let (sender, id) = oneshot::channel();
    let run = runs_on(bodies.clone(), Arc::new(std::sync::Mutex::new(Some(sender)))).run().await;
    assert_eq!(bodies.begun(), bodies.over());
    assert_ne!(id.await.ok(), run.id());
    assert_eq!((run.state(), run.task_runs().len()), (State::Completed, 0));
}

type Late = Arc<std::sync::Mutex<Option<tokio::task::JoinHandle<Vec<Refusal>>>>>;

#[flow]
async fn leaves_a_task_behind(late: Late, go: Arc<tokio::sync::Notify>) -> u64 {
    let task = flowkit::spawn(async move {
        go.notified().await;
        let refusals = [
            double(1).await.unwrap_err(),
            double(1).submit().await.unwrap_err(),
            double::map([1]).await.unwrap_err(),
        ];
        let mut refusals: Vec<_> = refusals.into_iter().map(refusal).collect();
        refusals.push(refusal(inner(1).await.unwrap_err()));
        refusals.push(refusal(inner(1).run().await.into_result().unwrap_err()));
        refusals
    });
    *late.lock().unwrap() = Some(task);
    1
}

fn refusal<E: flowkit::TaskError>(error: Error<E>) -> Refusal {
    match error {
        Error::Refused { refusal, .. } => refusal,
        other => panic!("not refused: {other}"),
    }
}

#[flowkit::test]
async fn a_call_made_after_the_end_of_its_flow_is_refused() {
    let (late, go) = (Late::default(), Arc::new(tokio::sync::Notify::new()));
    let run = leaves_a_task_behind(Arc::clone(&late), Arc::clone(&go)).run().await;
    assert_eq!(run.state(), State::Completed);
    go.notify_one();
    let task = late.lock().unwrap().take().unwrap();
    assert_eq!(task.await.unwrap(), vec![Refusal::FlowEnded; 5]);
    assert!(run.task_runs().is_empty());
    replay::assert_structured(&run.events());
}

#[flow(retries = 2)]
async fn third_time(bodies: Bodies) -> Result<u32, String> {
    let _inside = bodies.enter();
    if ctx().attempt() < 3 { Err("again".into()) } else { Ok(ctx().attempt()) }
}

#[flow]
async fn calls_third_time(bodies: Bodies) -> Result<u32> {
    Ok(third_time(bodies).await?)
}

#[flowkit::test]
async fn a15_the_retries_of_a_sub_flow_are_attempts_of_its_one_run() {
    let bodies = Bodies::default();
    let run = calls_third_time(bodies.clone()).run().await;
    assert_eq!((*run.result().as_ref().unwrap(), bodies.begun()), (3, 3));
    let nodes = run.task_runs();
    assert_eq!((nodes.len(), nodes[0].state), (1, State::Completed));
}
