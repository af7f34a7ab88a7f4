//! Which of several runs of different types ends first.

use crate::engine::flow_run::ends::Ends;
use crate::engine::handle::{AnyHandle, Ending, NextEnd};

/// Waits until one of the runs has ended, and returns its position: a `select!` over handles whose answer is recorded.
///
/// The handles may have different types. No run is stopped: await the one that has ended for its result, and cancel the
/// others if you do not need them. A resumed or retried flow gets the same answer, unless that run's failure is retried.
/// Cancel safe. An empty list does not compile.
///
/// ```
/// use flowkit::prelude::*;
///
/// #[task]
/// async fn quote() -> u32 { 70 }
///
/// #[task]
/// async fn closing_time() -> Result<String, String> {
///     flowkit::sleep(std::time::Duration::from_secs(60)).await;
///     Ok("17:30".to_owned())
/// }
///
/// #[flow]
/// async fn buy() -> Result<Option<u32>> {
///     let (quote, closing) = (quote().submit(), closing_time().submit());
///     Ok(match first_ended([&quote, &closing]).await {
///         0 => {
///             closing.cancel();
///             Some(quote.await?)
///         }
///         _ => None,
///     })
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() { assert_eq!(buy().await.unwrap(), Some(70)); }
/// ```
pub async fn first_ended<const N: usize>(runs: [&dyn AnyHandle; N]) -> usize {
    const { assert!(N > 0, "none of no runs can end first") };
    let runs = runs.map(AnyHandle::any_run);
    let ends = Ends::of(runs.iter().map(|run| run.0.core()));
    NextEnd::of(&ends, |position| -> &dyn Ending { runs[position].0 }).await
}
