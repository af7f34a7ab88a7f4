//! `show --slow`: the task runs of a run, and of its sub-flows, that took longest. It counts the time in their
//! attempts, not the waits between them, nor the time until a run was resumed.

use std::time::Duration;

use serde_json::json;

use crate::cli::json::{line, millis};
use crate::cli::out::{print_line, table};
use crate::cli::rows::{self, Member};
use crate::cli::session::Session;
use crate::cli::usage::UsageResult;
use crate::clock;
use crate::graph::style::glyph;
use crate::model::{Kind, StoredFlowRun, TaskRun, WallTime};
use crate::store::Store;
use crate::text::columns;
use crate::text::wording::counted;

/// A task run, and how long it took.
struct Slow {
    /// The run of a sub-flow, if it is in one.
    sub_flow: Option<StoredFlowRun>,
    row: TaskRun,
    took: Duration,
}

/// Shows the slowest `count` of them, each with its share of the total.
pub(super) fn show(
    session: &Session,
    store: &dyn Store,
    run: &StoredFlowRun,
    count: usize,
) -> UsageResult<()> {
    let now = clock::wall();
    let whole = spent(&run.as_task_run(), now);
    let (slow, total) = slowest(store, run, count, now)?;
    if session.is_json() {
        for Slow { sub_flow, row, took } in &slow {
            let fields = json!({
                "task_run": row.id, "sub_flow": sub_flow.as_ref().map(|run| run.id.short()), "task": row.task,
                "label": row.label(), "state": row.state, "attempt": row.attempt, "ms": millis(*took),
                "share": share(*took, whole),
            });
            print_line(line("slow", Some(run.id), fields));
        }
        return Ok(());
    }
    let (short, whole_took) = (run.id.short(), columns::duration(whole));
    let all = counted(total, "task run", "task runs");
    print_line(format!("the slowest {} of {all} in run {short}, which took {whole_took}", slow.len()));
    let rows = slow.iter().map(|Slow { sub_flow, row, took }| {
        let percent = share(*took, whole).map(|share| format!("{:>4.0} %", share * 100.0));
        let inside = sub_flow.as_ref().map(|run| format!("in {}", columns::visible(&run.flow)));
        let attempts = (row.attempt > 1).then(|| format!("{} attempts", row.attempt));
        vec![
            format!("  {}", percent.unwrap_or_default()),
            columns::duration(*took),
            format!("{} {}", glyph(row.state), columns::visible(&row.label())),
            inside.into_iter().chain(attempts).collect::<Vec<_>>().join(", "),
        ]
    });
    table(&rows.collect::<Vec<_>>()).iter().for_each(print_line);
    Ok(())
}

/// Returns the slowest of the task runs that have begun, and how many have. Nodes of sub-flows are left out: the task runs in
/// them count.
fn slowest(
    store: &dyn Store,
    run: &StoredFlowRun,
    count: usize,
    now: WallTime,
) -> UsageResult<(Vec<Slow>, usize)> {
    let (mut slow, mut total) = (Vec::new(), 0);
    let keep = |slow: &mut Vec<Slow>| {
        slow.sort_by_key(|one| std::cmp::Reverse(one.took));
        slow.truncate(count);
    };
    for Member { run, path } in rows::family(store, run.clone())? {
        let sub_flow = path.is_some().then_some(&run);
        rows::with_tasks(store, run.id, |rows| {
            for row in rows.filter(|row| row.kind == Kind::Task && row.started_at.is_some()) {
                total += 1;
                let took = spent(&row, now);
                slow.push(Slow { sub_flow: sub_flow.cloned(), row, took });
                if slow.len() >= count.saturating_mul(2).max(rows::PAGE) {
                    keep(&mut slow);
                }
            }
        })?;
    }
    keep(&mut slow);
    Ok((slow, total))
}

/// Adds up the attempts, with what there is of one that is running. The duration of one that died with its process is not known.
fn spent(task_run: &TaskRun, now: WallTime) -> Duration {
    let running =
        task_run.attempts().pop().filter(|last| last.ended_at.is_none() && !rows::is_over(last.state));
    task_run.busy_time() + running.map_or(Duration::ZERO, |last| now.since(last.started_at))
}

/// Returns a duration as a share of the total, at most 1.
fn share(took: Duration, whole: Duration) -> Option<f64> {
    (!whole.is_zero()).then(|| (took.as_secs_f64() / whole.as_secs_f64()).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Attempt, State};
    use crate::policy::resume::tests::row;

    #[test]
    fn waits_between_attempts_do_not_count() {
        let at = |seconds: i64| WallTime::from_micros(seconds * 1_000_000);
        let crashed = Attempt::crashed(2, at(100));
        let failed = Attempt { number: 1, state: State::Failed, ended_at: Some(at(2)), ..crashed.clone() };
        let mut task_run = row(State::Running, 3, 1);
        task_run.earlier_attempts = vec![Attempt { started_at: at(0), ..failed }, crashed];
        task_run.attempt_started_at = Some(at(1000));
        assert_eq!(spent(&task_run, at(1003)), Duration::from_secs(5));
        (task_run.state, task_run.ended_at) = (State::Completed, Some(at(1003)));
        assert_eq!(spent(&task_run, at(2000)), Duration::from_secs(5));
        assert_eq!(spent(&row(State::Pending, 0, 0), at(3)), Duration::ZERO);
    }

    #[test]
    fn a_share_is_a_part_of_something() {
        let seconds = Duration::from_secs;
        assert_eq!(share(seconds(1), seconds(4)), Some(0.25));
        assert_eq!(share(seconds(5), seconds(4)), Some(1.0));
        assert_eq!(share(seconds(1), Duration::ZERO), None);
    }
}
