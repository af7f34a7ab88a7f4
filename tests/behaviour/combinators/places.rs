//! Where a call belongs: groups, resources, spawned tasks, and calls that lost their flow.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use flowkit::model::{Refusal, TaskRunId};
use flowkit::prelude::*;
use flowkit::with_resource;
use tokio::sync::{Notify, oneshot};

use crate::captured::{Captured, Line};

#[task]
async fn leaf() -> u32 {
    1
}

#[task]
async fn branch() -> u32 {
    leaf().await.unwrap_or(0)
}

#[flow]
async fn grouped() -> Result<u32> {
    let inside = group("outer", async {
        let first = leaf().submit();
        let nested = group("inner", async { leaf().submit() }).await;
        Ok::<_, Error>(first.await? + nested.await? + branch().await?)
    })
    .await?;
    Ok(inside + leaf().await?)
}

#[flowkit::test]
async fn a_group_names_the_calls_made_inside_also_those_made_by_its_tasks() {
    let run = grouped().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &4);
    let groups = |task| run.task_runs_of(task).iter().map(|run| run.group.clone()).collect::<Vec<_>>();
    let [outer, inner] = ["outer", "inner"].map(|name| Some(name.to_owned()));
    assert_eq!(groups("branch"), std::slice::from_ref(&outer));
    assert_eq!(groups("leaf"), [outer.clone(), inner, outer, None]);
    assert!(run.graph().to_mermaid().contains("subgraph"));
}

type Log = Arc<Mutex<Vec<&'static str>>>;

fn said(log: &Log) -> Vec<&'static str> {
    log.lock().unwrap().clone()
}

/// Sets a resource up, uses it as requested, and tears it down.
#[task]
async fn with_log(log: Log, how: String, reached: Arc<Notify>) -> Result<u32, String> {
    let set_up = async {
        log.lock().unwrap().push("set up");
        if how == "no set-up" { Err("no set-up".to_owned()) } else { Ok(Arc::clone(&log)) }
    };
    let used = async |log: Log| {
        log.lock().unwrap().push("used");
        match how.as_str() {
            "well" => Ok(7),
            "badly" => Err("badly".to_owned()),
            "panic" => panic!("in the body"),
            _ => {
                reached.notify_one();
                std::future::pending().await
            }
        }
    };
    with_resource(set_up, |log| used(Arc::clone(log)), |log| log.lock().unwrap().push("torn down")).await
}

#[flow]
async fn one_resource(log: Log, how: String) -> Result<u32, Error<String>> {
    let reached = Arc::new(Notify::new());
    let handle = with_log(log, how.clone(), reached.clone()).submit();
    if how == "cancelled" {
        reached.notified().await;
        handle.cancel();
    }
    handle.await
}

#[flowkit::test]
async fn a_resource_is_torn_down_however_its_use_ends() {
    let whole = ["set up", "used", "torn down"];
    for (how, said_then) in [
        ("well", &whole[..]),
        ("badly", &whole[..]),
        ("panic", &whole[..]),
        ("cancelled", &whole[..]),
        ("no set-up", &whole[..1]),
    ] {
        let log = Log::default();
        let run = one_resource(log.clone(), how.into()).run().await;
        assert_eq!(said(&log), said_then, "{how}");
        let state = run.task_runs()[0].state;
        let expected = match how {
            "well" => State::Completed,
            "cancelled" => State::Cancelled,
            _ => State::Failed,
        };
        assert_eq!(state, expected, "{how}");
    }
}

#[flowkit::test]
async fn a_resource_is_torn_down_when_its_flow_is_cancelled() {
    let log = Log::default();
    let running = one_resource(log.clone(), "for ever".into()).start();
    let mut events = running.events();
    while !said(&log).contains(&"used") {
        events.next().await.expect("the task starts before the flow ends");
        tokio::task::yield_now().await;
    }
    running.cancel();
    let run = running.await;
    assert_eq!(run.task_runs()[0].state, State::Cancelled);
    assert_eq!(said(&log), ["set up", "used", "torn down"]);
}

#[task]
async fn spawning() -> Result<u32, Error> {
    let spawned = flowkit::spawn(async { leaf().await });
    spawned.await.expect("it does not panic")
}

#[flow]
async fn spawned() -> Result<u32> {
    let handle = flowkit::spawn(async { leaf().submit() }).await?;
    Ok(handle.await? + spawning().await?)
}

#[flowkit::test]
async fn calls_in_a_spawned_task_belong_to_the_body_that_spawned_it() {
    let run = spawned().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &2);
    let parents: Vec<TaskRunId> = run.task_runs_of("leaf").iter().map(|run| run.parent).collect();
    assert_eq!(parents, [TaskRunId::FLOW, run.task_runs_of("spawning")[0].id]);
}

#[flow]
async fn leaving_a_task_behind(ended: Arc<Notify>, answer: Answer) -> Result<()> {
    flowkit::spawn(async move {
        ended.notified().await;
        let sender = answer.lock().unwrap().take().expect("it is sent once");
        // There is no listener only if the test has failed already.
        let _ = sender.send((leaf().await, leaf().submit().await));
    });
    Ok(())
}

type Answer = Arc<Mutex<Option<oneshot::Sender<(Result<u32, Error>, Result<u32, Error>)>>>>;

#[flowkit::test]
async fn a_call_after_the_end_of_its_flow_is_refused() {
    let ended = Arc::new(Notify::new());
    let (sender, answer) = oneshot::channel();
    let run = leaving_a_task_behind(ended.clone(), Arc::new(Mutex::new(Some(sender)))).run().await;
    assert_eq!(run.state(), State::Completed);
    ended.notify_one();
    let (awaited, submitted) = answer.await.unwrap();
    for outcome in [awaited, submitted] {
        assert!(matches!(outcome, Err(Error::Refused { refusal: Refusal::FlowEnded, .. })), "{outcome:?}");
    }
    assert!(run.task_runs().is_empty());
}

#[flow]
async fn losing_the_context() -> Result<u32> {
    let lost = tokio::spawn(async {
        let mut sum = 0;
        for _ in 0..3 {
            sum += leaf().await?;
        }
        sum += leaf().await?;
        Ok::<_, Error>(sum)
    });
    Ok(lost.await??)
}

fn warnings(captured: &Captured) -> Vec<Line> {
    let mut lines = captured.lines();
    lines.retain(|line| line.level == tracing::Level::WARN && line.fields.get("task") == "leaf");
    lines
}

#[flowkit::test]
async fn a_call_that_lost_its_flow_runs_unrecorded_and_is_warned_of_once_per_place() {
    let (captured, _guard) = Captured::start();
    for _ in 0..2 {
        let run = losing_the_context().run().await;
        assert_eq!(run.result().as_ref().unwrap(), &4);
        assert!(run.task_runs().is_empty());
    }
    let warnings = warnings(&captured);
    let places: Vec<&str> = warnings.iter().map(|line| line.fields.get("location")).collect();
    let [first, second] = places[..] else { panic!("two places, whatever the number of calls: {places:?}") };
    assert!(first.starts_with(file!()) && second.starts_with(file!()) && first != second, "{places:?}");
    assert!(warnings.iter().all(|line| line.message.contains("`flowkit::spawn`")), "{warnings:?}");
}

#[flow]
async fn keeping_the_context() -> Result<u32> {
    let kept = flowkit::spawn(async { leaf().await });
    sleep(Duration::from_secs(1)).await;
    Ok(kept.await??)
}

#[flowkit::test]
async fn a_call_that_kept_its_flow_is_not_warned_of() {
    let (captured, _guard) = Captured::start();
    keeping_the_context().await.unwrap();
    assert!(warnings(&captured).is_empty());
}
