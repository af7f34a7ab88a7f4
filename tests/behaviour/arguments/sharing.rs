//! What is copied and what is not: borrowing readers copy nothing, the last one who takes moves.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flowkit::prelude::*;

/// Counts how often it is cloned.
#[derive(Debug)]
struct Counted {
    clones: Arc<AtomicUsize>,
}

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.clones.fetch_add(1, Ordering::Relaxed);
        Self { clones: Arc::clone(&self.clones) }
    }
}

#[task]
async fn made(clones: Arc<AtomicUsize>) -> Counted {
    Counted { clones }
}

#[task]
async fn taken(value: Counted) -> usize {
    value.clones.load(Ordering::Relaxed)
}

#[task]
async fn lent(value: &Counted) -> usize {
    value.clones.load(Ordering::Relaxed)
}

#[flow]
async fn taken_once(clones: Arc<AtomicUsize>) -> Result<usize> {
    Ok(taken::submit(made(clones)).await?)
}

#[flowkit::test]
async fn the_only_reader_moves_the_value() {
    assert_eq!(taken_once(Arc::default()).await.unwrap(), 0);
}

#[flow]
async fn taken_three_times(clones: Arc<AtomicUsize>) -> Result<()> {
    let value = made(clones).submit();
    let readers: Handles<usize, _> =
        [value.clone(), value.clone(), value].map(taken::submit).into_iter().collect();
    readers.await?;
    Ok(())
}

#[flowkit::test]
async fn of_several_readers_the_last_one_moves() {
    let clones = Arc::new(AtomicUsize::new(0));
    taken_three_times(clones.clone()).await.unwrap();
    assert_eq!(clones.load(Ordering::Relaxed), 2);
}

#[flow]
async fn awaited(clones: Arc<AtomicUsize>) -> Result<Counted> {
    let value = made(clones).submit();
    lent::of(&value).await?;
    Ok(value.await?)
}

#[flowkit::test]
async fn awaiting_the_only_handle_moves_the_value() {
    let clones = Arc::new(AtomicUsize::new(0));
    awaited(clones.clone()).await.unwrap();
    assert_eq!(clones.load(Ordering::Relaxed), 0);
}

#[flow]
async fn mapped(clones: Arc<AtomicUsize>) -> Result<Vec<Counted>> {
    Ok(made::map(vec![clones; 5]).await?)
}

#[flowkit::test]
async fn awaiting_the_only_handles_moves_the_values() {
    let clones = Arc::new(AtomicUsize::new(0));
    assert_eq!(mapped(clones.clone()).await.unwrap().len(), 5);
    assert_eq!(clones.load(Ordering::Relaxed), 0);
}

#[task]
async fn all_taken(values: Vec<Counted>) -> usize {
    values.len()
}

#[flow]
async fn gathered(clones: Arc<AtomicUsize>) -> Result<usize> {
    Ok(all_taken::of(made::map(vec![clones; 5])).await?)
}

#[flowkit::test]
async fn the_only_reader_of_a_list_of_handles_moves_the_values() {
    let clones = Arc::new(AtomicUsize::new(0));
    assert_eq!(gathered(clones.clone()).await.unwrap(), 5);
    assert_eq!(clones.load(Ordering::Relaxed), 0);
}

#[task(retries = 2)]
async fn taken_with_retries(value: Counted) -> Result<usize, String> {
    if ctx().attempt() < 3 { Err("not yet".into()) } else { Ok(value.clones.load(Ordering::Relaxed)) }
}

#[flowkit::test]
async fn retries_clone_an_argument_for_each_attempt_but_the_last() {
    let clones = Arc::new(AtomicUsize::new(0));
    let value = Counted { clones };
    assert_eq!(taken_with_retries(value).await.unwrap(), 2);
}

/// Neither `Clone` nor `Debug`.
struct Sealed(u32);

#[task]
async fn sealed() -> Sealed {
    Sealed(7)
}

#[task]
async fn opened(sealed: &Sealed) -> u32 {
    sealed.0
}

#[flow]
async fn never_cloned() -> Result<(u32, u32, u32)> {
    let handle = sealed().submit();
    let through_a_task = opened::submit(&handle).await?;
    let here = (&handle).await?.0;
    Ok((through_a_task, here, sealed().await?.0))
}

#[flowkit::test]
async fn a_value_that_is_not_clone_is_lent_by_awaiting_a_reference_to_the_handle() {
    assert_eq!(never_cloned().await.unwrap(), (7, 7, 7));
}

const READERS: usize = 1_000;

#[task]
async fn one_mebibyte() -> Vec<u8> {
    vec![7; 1024 * 1024]
}

#[task]
async fn address(bytes: &[u8], _reader: usize) -> (usize, usize) {
    (bytes.as_ptr() as usize, bytes.len())
}

#[flow]
async fn many_readers() -> Result<((usize, usize), Vec<(usize, usize)>)> {
    let bytes = one_mebibyte().submit();
    let handles: Handles<_, _> = (0..READERS).map(|reader| address::submit(&bytes, reader)).collect();
    let seen = handles.await?;
    let lent = (&bytes).await?;
    Ok(((lent.as_ptr() as usize, lent.len()), seen))
}

#[flowkit::test]
async fn a_mebibyte_that_a_thousand_tasks_read_is_in_memory_once() {
    let (own, seen) = many_readers().await.unwrap();
    assert_eq!(own.1, 1024 * 1024);
    assert_eq!(seen, vec![own; READERS]);
}

#[task]
async fn made_list(clones: Arc<AtomicUsize>) -> Vec<Counted> {
    vec![Counted { clones }]
}

#[task]
async fn list_lent(values: &[Counted], _reader: usize) -> usize {
    values[0].clones.load(Ordering::Relaxed)
}

#[task]
fn list_lent_to_a_thread(values: &[Counted]) -> usize {
    values[0].clones.load(Ordering::Relaxed)
}

#[flow]
async fn many_readers_of_a_list(clones: Arc<AtomicUsize>) -> Result<Vec<usize>> {
    let list = made_list(clones).submit();
    let mut handles: Vec<_> = (0..READERS).map(|reader| list_lent::submit(&list, reader)).collect();
    handles.push(list_lent_to_a_thread::submit(&list));
    let mapped = lent::map(&list);
    let mut seen = Handles::from(handles).await?;
    seen.extend(mapped.await?);
    Ok(seen)
}

#[flowkit::test]
async fn readers_by_reference_clone_nothing() {
    assert_eq!(many_readers_of_a_list(Arc::default()).await.unwrap(), [0; READERS + 2]);
}
