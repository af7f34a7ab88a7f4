//! What one sees of concurrency limits, by polling futures by hand; no clock.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use super::*;

fn want(name: &'static str, weight: u32) -> Want {
    Want { name: name.into(), weight }
}

fn limits(slots: &[(&str, u32)]) -> Arc<Limits> {
    let limits = Arc::new(Limits::default());
    for (name, slots) in slots {
        limits.set(name, *slots);
    }
    limits
}

type Answer = Poll<Result<Permit, LimitError>>;

fn poll(acquire: &mut Acquire) -> Answer {
    std::pin::Pin::new(acquire).poll(&mut Context::from_waker(Waker::noop()))
}

/// Asks, and expects to be granted at once.
fn granted(limits: &Arc<Limits>, wants: &[Want]) -> Permit {
    permit(poll(&mut limits.ask(wants)))
}

/// Asks, and expects to wait.
fn queued(limits: &Arc<Limits>, wants: &[Want]) -> Acquire {
    let mut acquire = limits.ask(wants);
    assert!(poll(&mut acquire).is_pending(), "expected to wait for {wants:?}");
    acquire
}

fn permit(answer: Answer) -> Permit {
    match answer {
        Poll::Ready(Ok(permit)) => permit,
        other => panic!("expected a permit, got {other:?}"),
    }
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_table_without_limits_grants_at_once() {
    let limits = Arc::new(Limits::default());
    assert!(limits.is_empty());
    let permit = granted(&limits, &[want("gpu", 1_000)]);
    assert_eq!(format!("{permit:?}"), "[]");
    assert_eq!(limits.snapshot(), []);
}

#[test]
fn a_name_without_a_limit_never_blocks_and_is_not_counted() {
    let limits = limits(&[("gpu", 1)]);
    let _one = granted(&limits, &[want("web", 7)]);
    let _two = granted(&limits, &[want("web", 7), want("gpu", 1)]);
    assert_eq!(limits.free("web"), None);
    assert_eq!(limits.free("gpu"), Some(0));
}

#[test]
fn a_limit_set_later_counts_those_who_still_wait() {
    let limits = limits(&[("gpu", 1)]);
    let holder = granted(&limits, &[want("gpu", 1)]);
    let mut first = queued(&limits, &[want("gpu", 1), want("web", 1)]);
    limits.set("web", 1);
    let mut second = queued(&limits, &[want("web", 1)]);
    drop(holder);
    let held = permit(poll(&mut first));
    assert_eq!(limits.free("web"), Some(0));
    assert!(poll(&mut second).is_pending());
    drop(held);
    let _held = permit(poll(&mut second));
}

#[test]
fn wants_of_the_same_name_are_added_up() {
    let limits = limits(&[("gpu", 3)]);
    let _held = granted(&limits, &[want("gpu", 1), want("gpu", 2)]);
    assert_eq!(limits.free("gpu"), Some(0));
}

#[test]
fn a_weight_above_the_limit_is_an_error_that_says_both() {
    let limits = limits(&[("gpu", 2)]);
    let Poll::Ready(Err(error)) = poll(&mut limits.ask(&[want("gpu", 3)])) else {
        panic!("expected an error");
    };
    assert_eq!(error.to_string(), "task asks for 3 of limit `gpu`, which has 2");
}

#[test]
fn a_heavy_waiter_reserves_and_strangers_pass() {
    let limits = limits(&[("gpu", 3), ("web", 1)]);
    let holder = granted(&limits, &[want("gpu", 1)]);
    let mut heavy = queued(&limits, &[want("gpu", 3)]);
    let mut light = queued(&limits, &[want("gpu", 1)]);
    let _stranger = granted(&limits, &[want("web", 1)]);
    drop(holder);
    let heavy = permit(poll(&mut heavy));
    assert!(poll(&mut light).is_pending());
    drop(heavy);
    let _light = permit(poll(&mut light));
}

#[test]
fn a_waiter_holds_nothing_until_it_has_everything() {
    let limits = limits(&[("gpu", 1), ("web", 1)]);
    let _gpu = granted(&limits, &[want("gpu", 1)]);
    let _both = queued(&limits, &[want("web", 1), want("gpu", 1)]);
    assert_eq!(limits.free("web"), Some(1));
}

#[test]
fn a_waiter_that_gives_up_lets_the_next_go() {
    let limits = limits(&[("gpu", 2)]);
    let _holder = granted(&limits, &[want("gpu", 1)]);
    let heavy = queued(&limits, &[want("gpu", 2)]);
    let mut light = queued(&limits, &[want("gpu", 1)]);
    drop(heavy);
    let _light = permit(poll(&mut light));
}

#[test]
fn slots_granted_to_a_future_dropped_before_its_poll_go_to_the_next() {
    let limits = limits(&[("gpu", 1)]);
    let holder = granted(&limits, &[want("gpu", 1)]);
    let (first, mut second) = (queued(&limits, &[want("gpu", 1)]), queued(&limits, &[want("gpu", 1)]));
    drop(holder);
    assert_eq!(limits.snapshot()[0].waiting, 1);
    drop(first);
    let second = permit(poll(&mut second));
    drop(second);
    assert_eq!(limits.free("gpu"), Some(1));
}

#[test]
fn shrinking_lets_holders_finish_and_refuses_waiters_that_became_too_heavy() {
    let limits = limits(&[("gpu", 4)]);
    let holder = granted(&limits, &[want("gpu", 3)]);
    let mut heavy = queued(&limits, &[want("gpu", 3)]);
    let mut light = queued(&limits, &[want("gpu", 1)]);
    limits.set("gpu", 1);
    assert_eq!((limits.snapshot()[0].in_use, limits.free("gpu")), (3, Some(0)));
    assert!(matches!(poll(&mut heavy), Poll::Ready(Err(_))));
    assert!(poll(&mut light).is_pending());
    drop(holder);
    let _light = permit(poll(&mut light));
}

#[test]
fn growing_lets_as_many_go_as_fit() {
    let limits = limits(&[("gpu", 1)]);
    let _holder = granted(&limits, &[want("gpu", 1)]);
    let mut waiters = [(); 3].map(|()| queued(&limits, &[want("gpu", 1)]));
    limits.set("gpu", 3);
    let answers = waiters.each_mut().map(poll);
    assert_eq!(answers.each_ref().map(Poll::is_ready), [true, true, false]);
}

#[test]
fn removing_a_limit_lets_everyone_go_who_waits_only_for_it() {
    let limits = limits(&[("gpu", 1), ("web", 1)]);
    let _held = granted(&limits, &[want("gpu", 1), want("web", 1)]);
    let mut both = queued(&limits, &[want("gpu", 1), want("web", 1)]);
    let mut one = queued(&limits, &[want("gpu", 1)]);
    limits.remove("gpu");
    assert!(poll(&mut one).is_ready());
    assert!(poll(&mut both).is_pending());
}

#[test]
fn holders_are_still_counted_when_a_removed_limit_returns() {
    let limits = limits(&[("gpu", 1)]);
    let holder = granted(&limits, &[want("gpu", 1)]);
    limits.remove("gpu");
    assert!(limits.is_empty());
    let uncounted = granted(&limits, &[want("gpu", 1)]);
    limits.set("gpu", 2);
    assert_eq!(limits.free("gpu"), Some(1));
    drop((holder, uncounted));
    assert_eq!(limits.free("gpu"), Some(2));
}

#[test]
fn each_of_ten_thousand_waiters_is_woken_once() {
    let limits = limits(&[("gpu", 1)]);
    let mut held = Some(granted(&limits, &[want("gpu", 1)]));
    let count = Arc::new(Count::default());
    let waker = Waker::from(Arc::clone(&count));
    let mut waiters: Vec<Acquire> = (0..10_000).map(|_| limits.ask(&[want("gpu", 1)])).collect();
    let poll = |waiter: &mut Acquire| std::pin::Pin::new(waiter).poll(&mut Context::from_waker(&waker));
    assert!(waiters.iter_mut().all(|waiter| poll(waiter).is_pending()));
    for (number, waiter) in waiters.iter_mut().enumerate() {
        drop(held.take());
        assert_eq!(count.0.load(Ordering::Relaxed), number + 1);
        held = Some(permit(poll(waiter)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tasks_that_ask_in_opposite_orders_do_not_deadlock() {
    let limits = limits(&[("a", 1), ("b", 1)]);
    let ask = |names: [&'static str; 2]| {
        let limits = Arc::clone(&limits);
        tokio::spawn(async move {
            for _ in 0..1_000 {
                let wants = names.map(|name| want(name, 1));
                let _permit = limits.ask(&wants).await.unwrap();
                tokio::task::yield_now().await;
            }
        })
    };
    let (ab, ba) = (ask(["a", "b"]), ask(["b", "a"]));
    ab.await.unwrap();
    ba.await.unwrap();
    assert_eq!((limits.free("a"), limits.free("b")), (Some(1), Some(1)));
}

#[tokio::test]
async fn a_holder_that_panics_gives_its_slots_back() {
    let limits = limits(&[("gpu", 1)]);
    let permit = granted(&limits, &[want("gpu", 1)]);
    let mut waiter = queued(&limits, &[want("gpu", 1)]);
    let holder = tokio::spawn(async move {
        let _permit = permit;
        panic!("holder");
    });
    assert!(holder.await.unwrap_err().is_panic());
    assert!(poll(&mut waiter).is_ready());
}

/// A waker that is the last owner of a permit.
struct Owner(#[expect(dead_code, reason = "held for its drop")] Permit);

impl Wake for Owner {
    fn wake(self: Arc<Self>) {}
}

#[test]
fn dropping_or_waking_a_waker_that_owns_a_permit_does_not_deadlock() {
    let limits = limits(&[("gpu", 1), ("web", 2)]);
    let holder = granted(&limits, &[want("gpu", 1)]);
    let ask = || {
        let waker = Waker::from(Arc::new(Owner(granted(&limits, &[want("web", 1)]))));
        let mut waiter = limits.ask(&[want("gpu", 1)]);
        assert!(std::pin::Pin::new(&mut waiter).poll(&mut Context::from_waker(&waker)).is_pending());
        waiter
    };
    let (mut polled_again, woken) = (ask(), ask());
    assert!(poll(&mut polled_again).is_pending());
    drop(polled_again);
    drop(holder);
    drop(woken);
    assert_eq!((limits.free("gpu"), limits.free("web")), (Some(1), Some(2)));
}

#[test]
fn a_higher_priority_is_served_first_and_equal_ones_in_the_order_of_their_places() {
    let limits = limits(&[("gpu", 1)]);
    let holder = granted(&limits, &[want("gpu", 1)]);
    let wants = [want("gpu", 1)];
    let mut waiters: Vec<_> =
        [0, 5, -1, 5, 0].map(|priority| limits.acquire(&wants, limits.place(priority))).into();
    // They arrive in another order than that of their places.
    assert!(waiters.iter_mut().rev().all(|waiter| poll(waiter).is_pending()));
    let (mut served, mut held) = (Vec::new(), Some(holder));
    while served.len() < waiters.len() {
        drop(held.take());
        for (index, waiter) in
            waiters.iter_mut().enumerate().filter(|(index, _)| !served.contains(index)).collect::<Vec<_>>()
        {
            if let Poll::Ready(Ok(permit)) = poll(waiter) {
                served.push(index);
                held = Some(permit);
            }
        }
    }
    assert_eq!(served, [1, 3, 0, 4, 2]);
}

#[test]
fn a_waiter_that_comes_back_has_its_old_place() {
    let limits = limits(&[("gpu", 1)]);
    let wants = [want("gpu", 1)];
    let first = limits.place(0);
    let holder = permit(poll(&mut limits.acquire(&wants, first)));
    let mut second = queued(&limits, &wants);
    let mut again = limits.acquire(&wants, first);
    assert!(poll(&mut again).is_pending());
    drop(holder);
    assert!(poll(&mut second).is_pending());
    drop(permit(poll(&mut again)));
    drop(permit(poll(&mut second)));
}
