//! R33, R35, B7, I7: slots are taken together, and are free again however their holder ended.

use std::time::Duration;

use flowkit::policy::trigger::Trigger;
use flowkit::prelude::*;
use flowkit::{Runtime, limits};

use crate::support::{Bodies, HOUR};

const SECOND: Duration = Duration::from_secs(1);

#[task]
async fn both(bodies: Bodies) {
    let _inside = bodies.enter();
    tokio::task::yield_now().await;
}

#[flow]
async fn a_b_and_b_a(bodies: Bodies) -> Result<()> {
    let all = (0..40).map(|turn| {
        let (a, b) = if turn % 2 == 0 { ("a", "b") } else { ("b", "a") };
        both(bodies.clone()).concurrency(a, 1).concurrency(b, 1).submit()
    });
    Handles::from_iter(all.collect::<Vec<_>>()).await?;
    Ok(())
}

#[flowkit::test]
async fn r33_limits_taken_in_opposite_order_do_not_deadlock() {
    limits::set("a", 1);
    limits::set("b", 1);
    let bodies = Bodies::default();
    a_b_and_b_a(bodies.clone()).await.unwrap();
    assert_eq!((bodies.begun(), bodies.most()), (40, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r33_limits_taken_in_opposite_order_do_not_deadlock_on_two_threads() {
    let runtime = Runtime::builder().limit("a", 1).limit("b", 1).build();
    for _ in 0..50 {
        let bodies = Bodies::default();
        a_b_and_b_a(bodies.clone()).on(&runtime).await.unwrap();
        assert_eq!(bodies.most(), 1);
    }
}

/// How the holder of a slot ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Value,
    Error,
    Panic,
    Timeout,
    Cancelled,
    LostSelect,
    RetriesThenError,
}

const ENDS: [End; 7] = [
    End::Value,
    End::Error,
    End::Panic,
    End::Timeout,
    End::Cancelled,
    End::LostSelect,
    End::RetriesThenError,
];

#[task(concurrency = "two:2")]
async fn ends(end: End) -> Result<u64, String> {
    match end {
        End::Value => return Ok(1),
        End::Error | End::RetriesThenError => return Err("no".into()),
        End::Panic => panic!("the roof"),
        End::Timeout | End::Cancelled | End::LostSelect => {}
    }
    tokio::time::sleep(HOUR).await;
    Ok(1)
}

#[flow]
async fn holds_until(end: End) -> Result<Option<u32>> {
    let call = ends(end).timeout(SECOND);
    match end {
        End::LostSelect => {
            let polled =
                futures::future::select(call.into_future(), Box::pin(tokio::task::yield_now())).await;
            assert_eq!(limits::free("two"), Some(0));
            drop(polled);
        }
        End::Cancelled => {
            let handle = call.submit();
            tokio::task::yield_now().await;
            assert_eq!(limits::free("two"), Some(0));
            handle.cancel();
            handle.ended().await;
        }
        End::RetriesThenError => {
            let handle = call.retries(2).retry_delay(SECOND).submit();
            tokio::task::yield_now().await;
            assert_eq!(limits::free("two"), Some(2), "the delay holds nothing");
            handle.ended().await;
        }
        _ => {
            call.submit().ended().await;
            ends(end).timeout(SECOND).trigger(Trigger::Always).await.ok();
        }
    }
    Ok(limits::free("two"))
}

#[flowkit::test]
async fn r35_b7_i7_the_slots_are_free_again_however_their_holder_ended() {
    limits::set("two", 2);
    for end in ENDS {
        assert_eq!(holds_until(end).await.unwrap(), Some(2), "{end:?}");
    }
}

#[task]
async fn free_leaf() -> u64 {
    tokio::time::sleep(HOUR).await;
    1
}

/// Abandons each wait before it is over.
#[task(concurrency = "one")]
async fn gives_up() -> Vec<Option<u32>> {
    let leaf = free_leaf().submit();
    let mut free = vec![limits::free("one")];
    let (ended, waiting) = flowkit::wait_within([leaf.clone()], SECOND).await;
    assert_eq!((ended.len(), waiting.len()), (0, 1));
    free.push(limits::free("one"));
    let still = as_completed([leaf.clone()]).next_within(SECOND).await.unwrap_err();
    assert_eq!(still.unfinished, 1);
    free.push(limits::free("one"));
    // A `select!` does not report that it is over; around it, this reacquires the slots.
    flowkit::without_slots(async {
        tokio::select! {
            _ = &leaf => panic!("it takes an hour"),
            () = tokio::time::sleep(SECOND) => {}
        }
    })
    .await;
    free.push(limits::free("one"));
    leaf.cancel();
    free
}

#[flow]
async fn has_one_that_gives_up() -> Result<Vec<Option<u32>>> {
    let handle = gives_up().submit();
    flowkit::sleep(SECOND / 2).await;
    assert_eq!(limits::free("one"), Some(1), "while it waits");
    Ok(handle.await?)
}

#[flowkit::test]
async fn i7_a_body_that_gives_up_a_wait_has_its_slot_again() {
    limits::set("one", 1);
    assert_eq!(has_one_that_gives_up().await.unwrap(), [Some(0); 4]);
    assert_eq!(limits::free("one"), Some(1));
}
