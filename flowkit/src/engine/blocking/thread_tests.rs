//! How the threads of a pool come and go, and what happens if they do not come.

use std::cell::RefCell;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;
use std::{io, thread};

use super::tests::{LONG, Note, stuck};
use super::*;

#[tokio::test]
async fn a_function_without_any_thread_ends_with_an_error() {
    let refuse = |_, _| Err(io::Error::from(io::ErrorKind::WouldBlock));
    let pool = Pool::with_start(4, LONG, refuse);
    let payload = pool.spawn(|| ()).await.unwrap_err();
    let error = payload.downcast::<NoThread>().unwrap();
    assert_eq!(error.to_string(), "no thread could be started for a blocking function");
    assert_eq!((pool.threads(), pool.queued()), (0, 0));
}

#[tokio::test]
async fn a_refused_thread_leaves_the_function_to_the_threads_that_exist() {
    let only_one = |name: String, life: Box<dyn FnOnce() + Send>| {
        if name != "flowkit-blocking-1" {
            return Err(io::Error::from(io::ErrorKind::WouldBlock));
        }
        thread::spawn(life);
        Ok(())
    };
    let pool = Pool::with_start(4, LONG, only_one);
    let (go, first) = stuck(&pool);
    let second = pool.spawn(|| 2);
    assert_eq!((pool.threads(), pool.queued()), (1, 1));
    drop(go);
    first.await.unwrap();
    assert_eq!(second.await.unwrap(), 2);
}

#[test]
fn each_waiting_function_starts_a_thread_up_to_the_maximum() {
    // These threads never get to the queue.
    let pool = Pool::with_start(3, LONG, |_, _| Ok(()));
    let calls = [(); 5].map(|()| pool.spawn(|| ()));
    assert_eq!((pool.threads(), pool.queued()), (3, 5));
    drop(calls);
    assert_eq!(pool.queued(), 0);
}

thread_local! {
    /// Dropped when its thread ends.
    static LAST_WORDS: RefCell<Option<Note>> = const { RefCell::new(None) };
}

/// Returns a receiver that is disconnected when the thread that runs this ends.
async fn end_of_thread(pool: &Pool) -> Receiver<&'static str> {
    let (sender, words) = channel();
    let leave_word = move || LAST_WORDS.set(Some(Note(sender, "ended")));
    pool.spawn(leave_word).await.unwrap();
    words
}

#[tokio::test]
async fn an_idle_thread_ends() {
    let pool = Pool::new(1, Duration::ZERO);
    let words = end_of_thread(&pool).await;
    assert_eq!(words.recv(), Ok("ended"));
    assert_eq!(pool.threads(), 0);
    assert_eq!(pool.spawn(|| 1).await.unwrap(), 1);
}

#[tokio::test]
async fn a_pool_that_is_dropped_ends_its_threads() {
    let pool = Pool::new(1, LONG);
    let words = end_of_thread(&pool).await;
    drop(pool);
    assert_eq!(words.recv(), Ok("ended"));
}
