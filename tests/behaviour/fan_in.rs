//! One task that takes many results, awaited in place: when it starts, and that each end costs the same however many there are.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use flowkit::policy::trigger::Trigger;
use flowkit::prelude::*;
use tokio::time::{Instant, sleep};

const SECOND: Duration = Duration::from_secs(1);

#[task]
async fn after(seconds: u32) -> Result<u32, String> {
    sleep(seconds * SECOND).await;
    if seconds == 13 { Err("unlucky".into()) } else { Ok(seconds) }
}

#[task]
async fn sum(numbers: &[u32]) -> u32 {
    numbers.iter().sum()
}

#[task]
async fn note() -> u32 {
    1
}

#[task]
async fn count(first: Result<u32, Error<String>>, second: u32) -> u32 {
    u32::from(first.is_err()) + second
}

#[task]
async fn list() -> Vec<u32> {
    sleep(SECOND).await;
    vec![1, 2, 3]
}

#[flowkit::test]
async fn the_first_failure_ends_a_call_that_waits_in_place_for_many() {
    #[flow]
    async fn try_it() -> Result<u32> {
        Ok(sum::of(after::map(1..=100)).await?)
    }

    let begun = Instant::now();
    let run = try_it().run().await;
    assert!(run.result().is_err());
    assert_eq!(
        run.task_runs_of("sum")[0].ended_at.unwrap().since(run.flow().unwrap().created_at),
        13 * SECOND
    );
    assert_eq!(begun.elapsed(), 100 * SECOND, "the others continue");
}

#[flowkit::test]
async fn triggers_decide_as_soon_as_they_can_in_place_too() {
    #[flow]
    async fn try_it(trigger: u32) -> Result<u32> {
        let (soon, unlucky, late) = (after(2).submit(), after(13).submit(), after(60).submit());
        let call = note().after(&soon).after(&unlucky).after(&late);
        let call = match trigger {
            2 => call.trigger(Trigger::OneSuccess),
            13 => call.trigger(Trigger::OneFailed),
            _ => call.trigger(Trigger::AllDone),
        };
        Ok(call.await?)
    }

    for ends in [2, 13, 60] {
        let run = try_it(ends).run().await;
        let note = &run.task_runs_of("note")[0];
        assert_eq!(note.ended_at.unwrap().since(run.flow().unwrap().created_at), ends * SECOND);
    }
}

#[flowkit::test]
async fn a_failure_that_is_allowed_counts_as_a_success_in_place_too() {
    #[flow]
    async fn try_it() -> Result<u32> {
        let (unlucky, late) = (after(13).submit(), after(20).submit());
        Ok(count::of(allow_failure(&unlucky), &late).await?)
    }

    assert_eq!(try_it().await.unwrap(), 21);
}

#[flowkit::test]
async fn the_items_of_a_list_that_becomes_known_meanwhile_are_waited_for() {
    #[flow]
    async fn try_it() -> Result<u32> {
        let items = after::map(list().submit());
        let early = note().after(after(60).submit());
        let sum = sum::of(&items).await?;
        drop(early);
        Ok(sum)
    }

    let run = try_it().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &6);
    let sum = &run.task_runs_of("sum")[0];
    assert_eq!(sum.ended_at.unwrap().since(run.flow().unwrap().created_at), 4 * SECOND);
    assert_eq!(sum.edges.len(), 3, "its items");
}

#[flowkit::test]
async fn a_handle_that_is_given_twice_makes_one_edge_however_many_there_are() {
    static SUMMED: AtomicUsize = AtomicUsize::new(0);

    #[task]
    async fn lengths(first: &[u32], second: &[u32]) {
        SUMMED.store(first.len() + second.len(), Ordering::Relaxed);
    }
    #[flow]
    async fn try_it() -> Result<()> {
        let many = after::map((0..3_000).map(|_| 0));
        Ok(lengths::of(&many, &many).submit().await?)
    }

    let run = try_it().run().await;
    assert_eq!(SUMMED.load(Ordering::Relaxed), 6_000);
    let edges = &run.task_runs_of("lengths")[0].edges;
    assert_eq!(edges.len(), 3_000);
    assert!(edges.windows(2).all(|pair| pair[0].from() < pair[1].from()), "in the order of the arguments");
}
