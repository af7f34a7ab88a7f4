//! What one sees of rate limits under a paused clock.

use proptest::prelude::*;
use tokio::time::{Instant, advance, sleep};

use super::*;

const PER: Duration = Duration::from_secs(1);

fn want(name: &'static str, weight: u32) -> Want {
    Want { name: name.into(), weight }
}

/// Starts one waiter after each gap, and returns when each of them started, in milliseconds.
async fn starts(limits: &Arc<Limits>, asks: &[(u64, u32)]) -> Vec<u64> {
    let begin = Instant::now();
    let mut waiters = Vec::new();
    for &(gap_ms, weight) in asks {
        sleep(Duration::from_millis(gap_ms)).await;
        let acquire = limits.ask(&[want("api", weight)]);
        waiters.push(tokio::spawn(async move {
            let _permit = acquire.await.unwrap();
            begin.elapsed()
        }));
        // It queues when it is first polled.
        tokio::task::yield_now().await;
    }
    let mut starts = Vec::new();
    for waiter in waiters {
        starts.push(u64::try_from(waiter.await.unwrap().as_millis()).unwrap());
    }
    starts
}

fn rated(count: u32) -> Arc<Limits> {
    let limits = Arc::new(Limits::default());
    limits.set_rate("api", count, PER);
    limits
}

#[tokio::test(start_paused = true)]
async fn a_rate_lets_its_count_start_in_each_window() {
    let starts = starts(&rated(2), &[(0, 1); 5]).await;
    assert_eq!(starts, [0, 0, 1_000, 1_000, 2_000]);
}

#[tokio::test(start_paused = true)]
async fn no_window_sees_a_burst_after_a_pause() {
    let starts = starts(&rated(2), &[(0, 1), (900, 1), (0, 1), (0, 1)]).await;
    assert_eq!(starts, [0, 900, 1_000, 1_900]);
}

#[tokio::test(start_paused = true)]
async fn waiting_for_a_slot_spends_nothing_of_the_rate() {
    let limits = rated(1);
    limits.set("gpu", 1);
    let gpu = limits.ask(&[want("gpu", 1)]).await.unwrap();
    let begin = Instant::now();
    let both = tokio::spawn(limits.ask(&[want("gpu", 1), want("api", 1)]));
    sleep(3 * PER).await;
    drop(gpu);
    let _both = both.await.unwrap().unwrap();
    assert_eq!(begin.elapsed(), 3 * PER);
    let _next = limits.ask(&[want("api", 1)]).await.unwrap();
    assert_eq!(begin.elapsed(), 4 * PER);
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_gives_up_passes_its_turn_on() {
    let limits = rated(1);
    let begin = Instant::now();
    let _first = limits.ask(&[want("api", 1)]).await;
    let gives_up = tokio::time::timeout(PER / 2, limits.ask(&[want("api", 1)]));
    let (gave_up, next) = tokio::join!(gives_up, limits.ask(&[want("api", 1)]));
    assert!(gave_up.is_err() && next.is_ok());
    assert_eq!(begin.elapsed(), PER);
}

#[tokio::test(start_paused = true)]
async fn a_faster_rate_wakes_those_who_wait() {
    let limits = rated(1);
    let _first = limits.ask(&[want("api", 1)]).await;
    let begin = Instant::now();
    let waiter = tokio::spawn(limits.ask(&[want("api", 1)]));
    sleep(PER / 10).await;
    limits.set_rate("api", 2, PER);
    assert!(waiter.await.unwrap().is_ok());
    assert_eq!(begin.elapsed(), PER / 10);
}

#[tokio::test(start_paused = true)]
async fn a_weight_above_the_count_is_an_error() {
    let error = rated(2).ask(&[want("api", 3)]).await.unwrap_err();
    assert_eq!(error.to_string(), "task asks for 3 of limit `api`, which has 2");
}

#[tokio::test(start_paused = true)]
async fn a_permit_dropped_on_a_foreign_thread_does_not_read_its_clock() {
    let limits = rated(1);
    limits.set("gpu", 1);
    let wants = [want("gpu", 1), want("api", 1)];
    // Virtual time runs ahead of real time, so a start recorded by real time would never count.
    advance(100 * PER).await;
    let begin = Instant::now();
    let held = limits.ask(&wants).await.unwrap();
    let next = tokio::spawn(limits.ask(&wants));
    tokio::task::yield_now().await;
    std::thread::spawn(move || drop(held)).join().unwrap();
    let _held = next.await.unwrap().unwrap();
    assert_eq!(begin.elapsed(), PER);
}

/// Returns the earliest starts a sliding window allows, in order of asking.
///
/// The window changes its mind only when a start leaves it, so only those moments are tried.
fn earliest_starts(count: u32, asks: &[(u64, u32)]) -> Vec<u64> {
    const PER_MS: u64 = 1_000;
    let mut starts: Vec<(u64, u32)> = Vec::new();
    let mut asked_at = 0;
    for &(gap, weight) in asks {
        asked_at += gap;
        let from = starts.last().map_or(asked_at, |last| last.0.max(asked_at));
        let fits = |at: u64| {
            let in_window = starts.iter().filter(|start| start.0 + PER_MS > at);
            in_window.map(|start| start.1).sum::<u32>() + weight <= count
        };
        let moments = starts.iter().map(|start| start.0 + PER_MS).filter(|&at| at > from);
        let start = std::iter::once(from).chain(moments).find(|&at| fits(at)).unwrap();
        starts.push((start, weight));
    }
    starts.into_iter().map(|start| start.0).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn everyone_starts_as_early_as_a_sliding_window_allows(
        asks in prop::collection::vec((0_u64..800, 1_u32..=4), 1..30),
        count in 4_u32..8,
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        let actual = runtime.block_on(starts(&rated(count), &asks));
        prop_assert_eq!(&actual, &earliest_starts(count, &asks));
        for (first, &from) in actual.iter().enumerate() {
            let window = actual.iter().zip(&asks).skip(first).take_while(|(at, _)| **at < from + 1_000);
            prop_assert!(window.map(|(_, ask)| ask.1).sum::<u32>() <= count);
        }
    }
}
