//! What one sees of calls and orphans. Threads are held and released with channels and barriers.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use super::*;

pub(super) const LONG: Duration = Duration::from_secs(3_600);

/// A call that has started, and stays until the sender is dropped.
pub(super) fn stuck(pool: &Pool) -> (Sender<()>, BlockingCall<()>) {
    let (started, has_started) = channel();
    let (go, gate) = channel::<()>();
    let call = pool.spawn(move || {
        assert!(started.send(()).is_ok());
        assert!(gate.recv().is_err());
    });
    has_started.recv().unwrap();
    (go, call)
}

/// Waits until `threads` threads of the pool are free at once.
async fn all_free(pool: &Pool, threads: usize) {
    let barrier = Arc::new(Barrier::new(threads));
    let meet = |_| {
        let barrier = Arc::clone(&barrier);
        pool.spawn(move || barrier.wait())
    };
    for call in (0..threads).map(meet).collect::<Vec<_>>() {
        call.await.unwrap();
    }
}

/// Sends its text when it is dropped.
pub(super) struct Note(pub(super) Sender<&'static str>, pub(super) &'static str);

impl Drop for Note {
    fn drop(&mut self) {
        let _ = self.0.send(self.1);
    }
}

#[tokio::test]
async fn a_function_answers_from_a_named_thread() {
    let name = spawn(|| thread::current().name().map(str::to_owned));
    assert!(name.await.unwrap().unwrap().starts_with("flowkit-blocking-"));
}

#[tokio::test]
async fn the_payload_of_a_panic_arrives_and_the_thread_goes_on() {
    let pool = Pool::new(1, LONG);
    let payload = pool.spawn(|| std::panic::panic_any(42_u64)).await.unwrap_err();
    assert_eq!(payload.downcast_ref(), Some(&42_u64));
    assert_eq!(pool.spawn(|| 1).await.unwrap(), 1);
    assert_eq!(pool.threads(), 1);
}

#[tokio::test]
async fn stuck_functions_do_not_starve_others() {
    let pool = Pool::new(9, LONG);
    let _stuck: Vec<_> = (0..8).map(|_| stuck(&pool)).collect();
    for number in 0..100 {
        assert_eq!(pool.spawn(move || number).await.unwrap(), number);
    }
    assert_eq!(pool.threads(), 9);
}

#[test]
fn stuck_functions_leave_the_pool_of_tokio_alone() {
    let pool = Pool::new(8, LONG);
    let _stuck: Vec<_> = (0..8).map(|_| stuck(&pool)).collect();
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime.worker_threads(1).max_blocking_threads(1).build().unwrap();
    let answer = runtime.block_on(async { tokio::task::spawn_blocking(|| 1).await });
    assert_eq!(answer.unwrap(), 1);
}

#[tokio::test]
async fn functions_that_wait_for_a_thread_run_in_order() {
    let pool = Pool::new(1, LONG);
    let (go, first) = stuck(&pool);
    let (sender, order) = channel();
    let numbers = (0..100).map(|number| {
        let sender = sender.clone();
        pool.spawn(move || sender.send(number))
    });
    let calls: Vec<_> = numbers.collect();
    drop(go);
    first.await.unwrap();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    drop(sender);
    assert!(order.iter().eq(0..100));
}

#[tokio::test]
async fn a_function_abandoned_in_the_queue_never_runs_and_is_dropped_at_once() {
    let pool = Pool::new(1, LONG);
    let (go, first) = stuck(&pool);
    let (sender, ran): (_, Receiver<&str>) = channel();
    let note = Note(sender.clone(), "dropped");
    let call = pool.spawn(move || note.0.send("ran"));
    assert!(!call.abandon());
    assert_eq!((ran.recv().unwrap(), pool.queued(), pool.orphans()), ("dropped", 0, 0));
    drop(pool.spawn(move || sender.send("ran")));
    drop(go);
    first.await.unwrap();
    all_free(&pool, 1).await;
    assert_eq!(ran.iter().count(), 0);
}

#[tokio::test]
async fn orphans_are_counted_from_their_abandonment_until_they_end() {
    let pool = Pool::new(3, LONG);
    let [(go_one, one), (go_two, two), (go_three, three)] = [(); 3].map(|()| stuck(&pool));
    assert_eq!(pool.orphans(), 0);
    assert!(one.abandon());
    drop(two);
    assert_eq!(pool.orphans(), 2);
    drop(go_one);
    all_free(&pool, 1).await;
    assert_eq!(pool.orphans(), 1);
    drop((go_two, go_three));
    three.await.unwrap();
    all_free(&pool, 3).await;
    assert_eq!((pool.orphans(), pool.threads()), (0, 3));
}

#[tokio::test]
async fn a_function_that_has_ended_is_no_orphan() {
    let pool = Pool::new(1, LONG);
    let call = pool.spawn(|| 1);
    all_free(&pool, 1).await;
    assert!(!call.abandon());
    assert_eq!(pool.orphans(), 0);
}

#[tokio::test]
async fn an_orphan_keeps_what_it_captured_and_drops_its_result_last() {
    let pool = Pool::new(1, LONG);
    let (sender, notes) = channel();
    let (captured, result) = (Note(sender.clone(), "captured"), Note(sender, "result"));
    let (started, has_started) = channel();
    let (go, gate) = channel::<()>();
    let call = pool.spawn(move || {
        let _captured = &captured;
        assert!(started.send(()).is_ok());
        assert!(gate.recv().is_err());
        result
    });
    has_started.recv().unwrap();
    assert!(call.abandon());
    assert!(notes.try_recv().is_err());
    drop(go);
    assert!(notes.iter().eq(["captured", "result"]));
    all_free(&pool, 1).await;
    assert_eq!(pool.orphans(), 0);
}

#[tokio::test]
async fn ten_thousand_functions_are_all_answered() {
    let pool = Pool::new(64, LONG);
    let calls: Vec<_> = (0..10_000_u64).map(|number| pool.spawn(move || number)).collect();
    let mut sum = 0;
    for call in calls {
        sum += call.await.unwrap();
    }
    assert_eq!(sum, 10_000 * 9_999 / 2);
    assert!(pool.threads() <= 64);
}

#[test]
fn a_runtime_that_is_shut_down_does_not_wait_for_a_stuck_function() {
    use tokio::runtime::Builder;

    let pool = Pool::new(2, LONG);
    let runtimes = [Builder::new_current_thread().build(), Builder::new_multi_thread().build()];
    let gates = runtimes.map(|runtime| {
        let runtime = runtime.unwrap();
        runtime.block_on(async {
            let (go, call) = stuck(&pool);
            tokio::spawn(call);
            tokio::task::yield_now().await;
            go
        })
    });
    assert_eq!(pool.orphans(), 2);
    drop(gates);
}

/// A subscriber that notes each warning.
struct Warnings(Sender<tracing::Level>);

impl tracing::Subscriber for Warnings {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        let _ = self.0.send(*event.metadata().level());
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[tokio::test]
async fn the_panic_of_an_orphan_is_a_warning() {
    let pool = Pool::new(1, LONG);
    let (sender, warnings) = channel();
    pool.spawn(move || {
        // Installed for the life of the thread: the warning comes after the function.
        std::mem::forget(tracing::subscriber::set_default(Warnings(sender)));
    })
    .await
    .unwrap();
    let (started, has_started) = channel();
    let (go, gate) = channel::<()>();
    let call = pool.spawn(move || {
        assert!(started.send(()).is_ok());
        assert!(gate.recv().is_err());
        panic!("too late");
    });
    has_started.recv().unwrap();
    assert!(call.abandon());
    drop(go);
    assert_eq!(warnings.recv(), Ok(tracing::Level::WARN));
    all_free(&pool, 1).await;
    assert_eq!(pool.orphans(), 0);
}
