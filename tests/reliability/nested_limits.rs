//! R33, promise 4: waiting holds nothing, so nested calls cannot deadlock.

use std::time::Duration;

use flowkit::prelude::*;
use flowkit::{Runtime, limits};

use crate::support::{Bodies, HOUR, replay};

const SECOND: Duration = Duration::from_secs(1);

#[task(concurrency = "one")]
async fn leaf(bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    tokio::time::sleep(SECOND).await;
    1
}

#[task(concurrency = "one")]
async fn submits(depth: u64, bodies: Bodies) -> Result<u64> {
    let mut inside = bodies.enter();
    if depth == 0 {
        return Ok(0);
    }
    let handle = submits(depth - 1, bodies.clone()).submit();
    Ok(inside.outside(handle.into_future()).await? + 1)
}

#[task(concurrency = "one")]
async fn calls(depth: u64, bodies: Bodies) -> Result<u64> {
    let mut inside = bodies.enter();
    if depth == 0 {
        return Ok(0);
    }
    let call = calls(depth - 1, bodies.clone());
    Ok(inside.outside(call.into_future()).await? + 1)
}

#[flow]
async fn nests(depth: u64, submitted: bool, bodies: Bodies) -> Result<u64> {
    let nest = if submitted { submits(depth, bodies).await? } else { calls(depth, bodies).submit().await? };
    Ok(nest)
}

#[flowkit::test]
async fn r33_fifty_nested_calls_end_with_one_slot() {
    limits::set("one", 1);
    for submitted in [true, false] {
        let bodies = Bodies::default();
        assert_eq!(nests(50, submitted, bodies.clone()).await.unwrap(), 50);
        assert_eq!((bodies.begun(), bodies.most()), (51, 1));
        assert_eq!(limits::free("one"), Some(1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r33_fifty_nested_calls_end_with_one_slot_on_two_threads() {
    let runtime = Runtime::builder().limit("one", 1).build();
    for round in 0..100 {
        let bodies = Bodies::default();
        let nest = nests(50, round % 2 == 0, bodies.clone()).on(&runtime);
        assert_eq!((nest.await.unwrap(), bodies.most()), (50, 1));
    }
}

/// The ways in which a body may wait for others that need the slot it has.
#[derive(Clone, Copy, Debug)]
enum Wait {
    JoinCalls,
    JoinHandles,
    TryJoin,
    AsCompleted,
    NextWithin,
    Within,
    SettleAll,
    FirstSuccess,
    AllOrCancel,
    Map,
    MapLater,
    Ended,
    Lent,
    SubFlow,
    RunOfItsOwn,
    Sleep,
    HoldingNoSlot,
}

const WAITS: [Wait; 17] = [
    Wait::JoinCalls,
    Wait::JoinHandles,
    Wait::TryJoin,
    Wait::AsCompleted,
    Wait::NextWithin,
    Wait::Within,
    Wait::SettleAll,
    Wait::FirstSuccess,
    Wait::AllOrCancel,
    Wait::Map,
    Wait::MapLater,
    Wait::Ended,
    Wait::Lent,
    Wait::SubFlow,
    Wait::RunOfItsOwn,
    Wait::Sleep,
    Wait::HoldingNoSlot,
];

#[task]
async fn list(bodies: Bodies) -> Vec<Bodies> {
    vec![bodies.clone(), bodies.clone(), bodies]
}

#[flow]
async fn inner(bodies: Bodies) -> Result<u64> {
    Ok(leaf(bodies.clone()).submit().await? + leaf(bodies).await?)
}

async fn wait_for_others(wait: Wait, bodies: Bodies) -> Result<u64> {
    let submit = || leaf(bodies.clone()).submit();
    let call = || leaf(bodies.clone());
    Ok(match wait {
        Wait::JoinCalls => {
            let (first, second, third) = tokio::join!(call(), call(), call());
            first? + second? + third?
        }
        Wait::JoinHandles => {
            let (first, second, third) = (submit(), submit(), submit());
            let (first, second, third) = tokio::join!(first, &second, third);
            first? + second? + third?
        }
        Wait::TryJoin => {
            let all = futures::future::try_join_all([submit().into_future(), submit().into_future()]);
            all.await?.iter().sum()
        }
        Wait::AsCompleted => {
            let mut ended = as_completed([submit(), submit(), submit()]);
            let mut sum = 0;
            while let Some((_, result)) = ended.next().await {
                sum += result?;
            }
            sum
        }
        Wait::NextWithin => {
            let mut ended = as_completed([submit(), submit()]);
            assert_eq!(ended.next_within(Duration::from_millis(10)).await.unwrap_err().unfinished, 2);
            ended.next().await.map_or(Ok(0), |(_, result)| result)?
        }
        Wait::Within => {
            let (ended, waiting) =
                flowkit::wait_within([submit(), submit()], Duration::from_millis(10)).await;
            (ended.len() + waiting.len()) as u64
        }
        Wait::SettleAll => settle_all([submit(), submit()]).await.len() as u64,
        Wait::FirstSuccess => first_success([submit(), submit()]).await.map_err(|_| "none")?,
        Wait::AllOrCancel => all_or_cancel([submit(), submit()]).await?.iter().sum(),
        Wait::Map => leaf::map([bodies.clone(), bodies.clone()]).await?.iter().sum(),
        Wait::MapLater => leaf::map(list(bodies.clone()).submit()).await?.iter().sum(),
        Wait::Ended => u64::from(submit().ended().await.is_success()),
        Wait::Lent => *(&submit()).await?,
        Wait::SubFlow => inner(bodies.clone()).await? + inner(bodies.clone()).submit().await?,
        Wait::RunOfItsOwn => inner(bodies.clone()).run().await.into_result()?,
        Wait::Sleep => {
            flowkit::sleep(SECOND).await;
            1
        }
        Wait::HoldingNoSlot => flowkit::without_slots(call()).await?,
    })
}

#[task(concurrency = "one")]
async fn waits_for_others(wait: Wait, bodies: Bodies) -> Result<u64> {
    let mut inside = bodies.enter();
    inside.outside(wait_for_others(wait, bodies.clone())).await
}

/// Three of them contend for the slot with each other and with what they call, which is less or more urgent than they are.
#[flow]
async fn contend(wait: Wait, priority: i16, bodies: Bodies) -> Result<u64> {
    let call = |_| waits_for_others(wait, bodies.clone()).priority(priority).submit();
    let all: Handles<_, _> = (0..3).map(call).collect();
    Ok(all.await?.iter().sum())
}

#[flowkit::test]
async fn r33_a_body_may_wait_in_any_way_for_others_that_need_its_slot() {
    limits::set("one", 1);
    for (wait, priority) in WAITS.into_iter().flat_map(|wait| [0, 5, -5].map(|priority| (wait, priority))) {
        let bodies = Bodies::default();
        let ended = tokio::time::timeout(HOUR, contend(wait, priority, bodies.clone()).run()).await;
        let run = ended.unwrap_or_else(|_| panic!("deadlock: {wait:?} with priority {priority}"));
        assert!(*run.result().as_ref().unwrap() > 0, "{wait:?}");
        assert_eq!(bodies.most(), 1, "{wait:?}");
        assert_eq!(limits::free("one"), Some(1), "{wait:?}");
        replay::assert_structured(&run.events());
    }
}

#[task]
async fn free_leaf(bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    tokio::time::sleep(SECOND).await;
    1
}

#[task]
async fn nests_freely(bodies: Bodies) -> Result<u64> {
    let mut inside = bodies.enter();
    let waiting = async {
        let submitted = free_leaf(bodies.clone()).submit();
        let mapped = free_leaf::map([bodies.clone(), bodies.clone()]);
        let called = free_leaf(bodies.clone()).await?;
        flowkit::sleep(SECOND).await;
        let (one, two) = tokio::join!(free_leaf(bodies.clone()), free_leaf(bodies.clone()));
        Ok::<_, Error>(called + submitted.await? + mapped.await?.len() as u64 + one? + two?)
    };
    Ok(inside.outside(waiting).await?)
}

#[flow(max_concurrency = 1)]
async fn one_at_a_time(bodies: Bodies) -> Result<u64> {
    let (first, second) = (nests_freely(bodies.clone()).submit(), nests_freely(bodies.clone()).submit());
    Ok(nests_freely(bodies).await? + first.await? + second.await?)
}

#[flowkit::test]
async fn r33_a_flow_with_a_max_concurrency_of_one_ends_whatever_is_nested_in_its_tasks() {
    let bodies = Bodies::default();
    let ended = tokio::time::timeout(HOUR, one_at_a_time(bodies.clone())).await;
    assert_eq!(ended.expect("deadlock").unwrap(), 18);
    assert_eq!((bodies.begun(), bodies.most()), (21, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r33_a_body_may_wait_in_any_way_on_two_threads_too() {
    let runtime = Runtime::builder().limit("one", 1).build();
    for _ in 0..20 {
        let bodies = Bodies::default();
        let both =
            [Wait::JoinHandles, Wait::AsCompleted].map(|wait| quick(wait, bodies.clone()).on(&runtime));
        for call in both {
            call.await.unwrap();
        }
        assert_eq!(bodies.most(), 1);
        assert_eq!(runtime.scope(async { limits::free("one") }).await, Some(1));
    }
}

#[task(concurrency = "one")]
async fn quick_leaf(bodies: Bodies) -> u64 {
    let _inside = bodies.enter();
    tokio::task::yield_now().await;
    1
}

#[task(concurrency = "one")]
async fn waits_for_quick(wait: Wait, bodies: Bodies) -> Result<u64> {
    let mut inside = bodies.enter();
    let handles: Vec<_> = (0..5).map(|_| quick_leaf(bodies.clone()).submit()).collect();
    let waiting = async {
        Ok(match wait {
            Wait::AsCompleted => {
                let mut ended = as_completed(handles);
                while ended.next().await.is_some() {}
                1
            }
            _ => {
                futures::future::join_all(handles.into_iter().map(IntoFuture::into_future)).await.len() as u64
            }
        })
    };
    inside.outside(waiting).await
}

#[flow]
async fn quick(wait: Wait, bodies: Bodies) -> Result<u64> {
    Ok(waits_for_quick::map(vec![wait; 10], bodies).await?.iter().sum())
}
