//! Tasks and flows of every form. They say what the lints of `lib.rs` ask of the user, and nothing more.

use std::borrow::Cow;

use flowkit::prelude::*;
use serde::Serialize;

/// Borrows what it counts.
#[task(cache = "inputs", tags = ["a"], concurrency = "gpu:2", on_failure = |run| drop(run.clone()))]
pub fn longest(words: &[String], min: usize) -> Option<String> {
    words.iter().filter(|word| word.len() >= min).max_by_key(|word| word.len()).cloned()
}

/// Fetches a page.
///
/// # Errors
///
/// If it has no name.
#[task(retries = 3, retry_delay = "1s", retry_if = |error| !error.is_empty(), run_name = "fetch {url}, {url:?}")]
pub async fn fetch(url: String) -> Result<String, String> {
    if url.is_empty() { Err(url) } else { Ok(url) }
}

/// Was replaced.
#[deprecated(since = "2.0.0", note = "use `fetch`")]
#[task(run_name = "old {page}")]
pub async fn old(page: &str, times: usize) -> usize {
    page.len().saturating_mul(times)
}

/// Was replaced, too.
#[deprecated]
#[flow]
pub async fn old_flow(#[param(default = 3)] rows: u32) -> Result<u32> {
    Ok(rows)
}

/// Has several lifetimes, of which none is the user's.
#[task(ignore(second))]
pub async fn lifetimes(first: &str, second: &str, third: Cow<'_, str>) -> usize {
    first.len().saturating_add(second.len()).saturating_add(third.len())
}

/// Takes many types.
#[task(key = |value| value.len())]
pub async fn generic<T, const N: usize>(value: Vec<T>) -> [usize; N]
where
    T: Clone + Serialize,
{
    [value.len(); N]
}

#[task]
fn patterns((first, second): (u32, u32), _: u32) -> u32 {
    first.wrapping_add(second)
}

#[task(at_most_once)]
pub(crate) async fn pay(amount: u32) {
    tracing::info!(amount);
}

/// Takes a function.
#[task]
pub fn applied(function: &(dyn Fn(&str) -> usize + Sync)) -> usize {
    function("a")
}

/// Runs them.
///
/// # Errors
///
/// If one of them fails.
#[flow(retries = 2, task_defaults(retries = 1), run_name = "etl {rows}")]
pub async fn etl(
    /// How many rows to take
    #[param(default = 3)]
    rows: u32,
    #[param(default = "all")] mode: String,
    urls: Vec<String>,
) -> Result<u32> {
    let pages = fetch::map(urls);
    let sum = patterns((rows, 1), 2).await?;
    pay(sum).await?;
    let _longest = longest(&[mode], 1).await?;
    let counts = generic::<String, 2>(pages.await?).await?;
    Ok(sum.wrapping_add(u32::try_from(counts.len())?))
}

/// Returns what it takes.
///
/// # Errors
///
/// Never.
#[flow]
pub async fn same<T: Clone + Send + Sync + Serialize + 'static>(value: T) -> Result<T> {
    Ok(value)
}
