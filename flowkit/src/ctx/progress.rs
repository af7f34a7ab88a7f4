//! The progress that a task reports: [`progress`]. It is for observers, neither an event nor part of the record.

use crate::engine::attempt::panics::guarded;
use crate::engine::context;
use crate::engine::flow_run::observer::Progress;

/// Reports that `done` of `total` parts of the running task are done, in any unit.
///
/// It costs next to nothing without observers, and is passed on at most ten times per second, so it may be called in the
/// innermost loop. The last call, with `done == total`, is always passed on. Outside of a task nothing happens.
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
    let observed = context::with_core(|core| {
        let core = core?;
        let run = core.run()?;
        let listeners = core.runtime().observers().of_progress.get()?;
        if !core.may_announce_progress(done >= total) {
            return None;
        }
        Some((listeners, Progress { flow_run: run.id, task_run: core.id, done, total }))
    });
    // Called outside of the context, so that a listener may call tasks itself.
    if let Some((listeners, progress)) = observed {
        for listener in listeners.iter() {
            guarded("observer", || listener(&progress));
        }
    }
}
