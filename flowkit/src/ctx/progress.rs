//! How far a task says it is: [`progress`]. For observers; it is no event and no part of the record.

use crate::engine::attempt::panics::guarded;
use crate::engine::context;
use crate::engine::flow_run::observer::Progress;

/// Says that `done` of `total` parts of the running task are done, in whatever unit the task counts.
///
/// It costs next to nothing where nobody watches, and is passed on at most ten times in a second, so it may stand in
/// the innermost loop. The last one, with `done == total`, is always passed on. Outside of a task nothing happens.
///
/// ```
/// # use flowkit::prelude::*;
/// #[task]
/// async fn load(rows: Vec<u32>) -> u32 {
///     let mut sum = 0;
///     for (done, row) in rows.iter().enumerate() {
///         sum += row;
///         flowkit::progress(done as u64 + 1, rows.len() as u64);
///     }
///     sum
/// }
/// ```
pub fn progress(done: u64, total: u64) {
    let told = context::with_core(|core| {
        let core = core?;
        let run = core.run()?;
        let listeners = core.runtime().observers().of_progress()?;
        if !core.may_tell_progress(done >= total) {
            return None;
        }
        Some((listeners, Progress { flow_run: run.id, task_run: core.id, done, total }))
    });
    // Told outside of the context, so that a listener may call tasks itself.
    if let Some((listeners, progress)) = told {
        for listener in listeners.iter() {
            guarded("observer", || listener(&progress));
        }
    }
}
