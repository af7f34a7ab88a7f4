//! A body that decides by the order in which runs end decides the same way when the flow is retried.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::wait_within;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[task]
async fn offer(after: u64) -> u64 {
    sleep(seconds(after)).await;
    after
}

/// A task of another type.
#[task]
async fn rumour(after: u64) -> Result<String, String> {
    sleep(seconds(after)).await;
    Ok(format!("somebody offers {after}"))
}

static ORDERED: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[task(at_most_once)]
async fn order(way: String, from: u64) -> String {
    let ordered = format!("{way} {from}");
    ORDERED.lock().unwrap().push(ordered.clone());
    ordered
}

const WAYS: [&str; 7] = [
    "as_completed",
    "what had ended",
    "first_success",
    "first_ended",
    "next_within",
    "wait_within",
    "handle.cancel",
];

/// Decides for one of several, in each way.
async fn decides(way: &str) -> Result<u64> {
    let offers = || [9, 3, 6].map(|after| offer(after).submit());
    Ok(match way {
        "as_completed" => as_completed(offers()).next().await.unwrap().1?,
        "what had ended" => {
            let offers = offers();
            settle_all(offers.clone()).await;
            as_completed(offers).next().await.unwrap().1?
        }
        "first_success" => first_success(offers()).await.map_err(|_| "nobody offers")?,
        "first_ended" => {
            let (slow, fast) = (offer(9).submit(), rumour(3).submit());
            let first = first_ended([&slow, &fast]).await as u64;
            slow.await?;
            first
        }
        "next_within" => {
            let mut offers = as_completed([offer(9).submit()]);
            let mut patience = 0;
            while offers.next_within(seconds(4)).await.is_err() {
                patience += 1;
            }
            patience
        }
        "wait_within" => {
            let (ended, pending) = wait_within(offers(), seconds(4)).await;
            settle_all(pending).await;
            ended.len() as u64
        }
        _ => {
            let (slow, fast) = (offer(9).submit(), offer(3).submit());
            fast.await?;
            slow.cancel();
            u64::from(slow.await.is_ok())
        }
    })
}

#[flow(retries = 2)]
async fn buys() -> Result<Vec<String>> {
    let mut ordered = Vec::new();
    for way in WAYS {
        let from = decides(way).await?;
        ordered.push(order(way.to_owned(), from).await?);
    }
    if ctx().attempt() < 3 { Err("the bank is closed".into()) } else { Ok(ordered) }
}

#[flowkit::test]
async fn a_flow_that_is_tried_again_decides_as_before_and_orders_once() {
    let ordered = buys().await.unwrap();
    let expected = [
        "as_completed 3",
        "what had ended 3",
        "first_success 3",
        "first_ended 1",
        "next_within 2",
        "wait_within 1",
        "handle.cancel 0",
    ];
    assert_eq!(ordered, expected);
    assert_eq!(*ORDERED.lock().unwrap(), expected, "each was ordered once");
}

#[flowkit::test]
async fn the_loser_of_a_race_does_not_begin_again_when_the_flow_is_tried_again() {
    static BEGUN: AtomicU32 = AtomicU32::new(0);

    #[task(at_most_once)]
    async fn runner(seconds: u64) -> u64 {
        BEGUN.fetch_add(1, Ordering::SeqCst);
        sleep(Duration::from_secs(seconds)).await;
        seconds
    }
    #[flow(retries = 1)]
    async fn race() -> Result<u64> {
        let winner = first_success([runner(9).submit(), runner(3).submit()]).await.map_err(|_| "nobody")?;
        if ctx().attempt() == 1 { Err("no medal".into()) } else { Ok(winner) }
    }

    let run = race().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &3);
    assert_eq!(BEGUN.load(Ordering::SeqCst), 2);
    let states: Vec<State> = run.task_runs().iter().map(|task_run| task_run.state).collect();
    assert_eq!(states, [State::Cancelled, State::Completed, State::Cancelled, State::Cached]);
}

#[flowkit::test]
async fn what_was_cancelled_because_of_a_failure_runs_again_when_the_failure_is_tried_anew() {
    static PAPER: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn part(seconds: u64) -> Result<u64, String> {
        sleep(Duration::from_secs(seconds)).await;
        if seconds == 2 && PAPER.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err("out of paper".into());
        }
        Ok(seconds)
    }
    #[flow(retries = 1)]
    async fn prints() -> Result<Vec<u64>> {
        Ok(all_or_cancel([5, 2, 1].map(|seconds| part(seconds).submit())).await?)
    }

    assert_eq!(prints().await.unwrap(), [5, 2, 1]);
}

#[flowkit::test]
async fn a_time_that_was_up_without_anything_coming_of_it_is_waited_for_anew() {
    static CALLS: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn slow() -> u32 {
        let is_first = CALLS.fetch_add(1, Ordering::SeqCst) == 0;
        sleep(seconds(if is_first { 90 } else { 3 })).await;
        1
    }
    #[flow(retries = 1)]
    async fn impatient() -> Result<u32> {
        let mut slow = as_completed([slow().submit()]);
        let (_, value) = slow.next_within(seconds(5)).await?.ok_or("there is one")?;
        Ok(value?)
    }

    assert_eq!(impatient().await.unwrap(), 1);
}

#[flowkit::test]
async fn a_wait_for_the_next_end_that_is_dropped_takes_nothing() {
    #[flow]
    async fn interrupted() -> Result<(Vec<u64>, u32, usize)> {
        let mut ended = as_completed([7, 2, 4].map(|after| offer(after).submit()));
        let (mut given, mut dropped) = (Vec::new(), 0);
        while given.len() < 3 {
            tokio::select! {
                next = ended.next() => given.push(next.ok_or("too few")?.1?),
                () = tokio::time::sleep(Duration::from_millis(1600)) => dropped += 1,
            }
        }
        assert!(ended.next().await.is_none());
        let (one, other) = (offer(5).submit(), rumour(2).submit());
        let cut_off = tokio::time::timeout(seconds(1), first_ended([&one, &other])).await;
        assert!(cut_off.is_err());
        Ok((given, dropped, first_ended([&one, &other]).await))
    }

    assert_eq!(interrupted().await.unwrap(), (vec![2, 4, 7], 3, 1));
}
