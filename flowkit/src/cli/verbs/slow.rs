//! `show --slow`: the task runs of a run, and of its sub-flows, that took longest. What counts is the time in their attempts:
//! not the waits between them, nor the days until a run was resumed.

use std::time::Duration;

use serde_json::json;

use crate::cli::json::{line, millis};
use crate::cli::out::{say, table};
use crate::cli::rows::{self, Nested};
use crate::cli::session::Session;
use crate::cli::usage::Outcome;
use crate::clock;
use crate::graph::style::glyph;
use crate::model::{Kind, StoredAttempt, StoredFlowRun, StoredTaskRun, WallTime};
use crate::store::Store;
use crate::text::columns;
use crate::text::wording::counted;

/// A task run, and how long it took.
struct Slow {
    /// The run of a sub-flow, if it is in one.
    sub_flow: Option<StoredFlowRun>,
    row: StoredTaskRun,
    took: Duration,
}

/// Shows the slowest `count` of them, each with its share of the whole.
pub(super) fn show(session: &Session, store: &dyn Store, run: &StoredFlowRun, count: usize) -> Outcome<()> {
    let now = clock::wall();
    let end = run.ended_at.or_else(|| (!rows::is_over(run.state)).then_some(now));
    let whole = spent(&run.earlier_attempts, run.attempt_started_at, end);
    let mut slow = all(store, run, now)?;
    let total = slow.len();
    slow.sort_by_key(|one| std::cmp::Reverse(one.took));
    slow.truncate(count);
    if session.is_json() {
        for Slow { sub_flow, row, took } in &slow {
            let fields = json!({
                "task_run": row.id, "sub_flow": sub_flow.as_ref().map(|run| run.id.short()), "task": row.task,
                "label": row.label(), "state": row.state, "attempt": row.attempt, "ms": millis(*took),
                "share": share(*took, whole),
            });
            say(line("slow", Some(run.id), fields));
        }
        return Ok(());
    }
    let (short, whole_took) = (run.id.short(), columns::duration(whole));
    let all = counted(total, "task run", "task runs");
    say(format!("the slowest {} of {all} in run {short}, which took {whole_took}", slow.len()));
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
    table(&rows.collect::<Vec<_>>()).iter().for_each(say);
    Ok(())
}

/// Returns the task runs that have begun. Sub-flows are no task runs: what takes long in them is.
fn all(store: &dyn Store, run: &StoredFlowRun, now: WallTime) -> Outcome<Vec<Slow>> {
    let mut found = Vec::new();
    let mut nested = Nested::of([(run.id, None)]);
    while let Some((id, sub_flow)) = nested.pop() {
        for row in rows::tasks(store, id)? {
            if let Some(inner) = row.flow_run {
                nested.add(store.flow_run(inner)?.map(|run| (inner, Some(run))));
            }
            if row.kind == Kind::Task && row.started_at.is_some() {
                let end = row.ended_at.or_else(|| (!rows::is_over(row.state)).then_some(now));
                let took = spent(&row.earlier_attempts, row.attempt_started_at, end);
                found.push(Slow { sub_flow: sub_flow.clone(), row, took });
            }
        }
    }
    Ok(found)
}

/// Adds up the attempts. Of one that died with its process nobody knows how long it was.
fn spent(earlier: &[StoredAttempt], last: Option<WallTime>, end: Option<WallTime>) -> Duration {
    let earlier = earlier.iter().map(|attempt| (Some(attempt.started_at), attempt.ended_at));
    let all = earlier.chain([(last, end)]);
    all.filter_map(|(start, end)| Some(start?.until(end?))).sum()
}

/// Returns the part of the whole that something took; more than 1 cannot be.
fn share(took: Duration, whole: Duration) -> Option<f64> {
    (!whole.is_zero()).then(|| (took.as_secs_f64() / whole.as_secs_f64()).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::State;

    #[test]
    fn waits_between_attempts_do_not_count() {
        let at = |seconds: i64| WallTime::from_micros(seconds * 1_000_000);
        let attempt = |start: i64, end: Option<i64>| StoredAttempt {
            ended_no: None,
            number: 1,
            state: State::Failed,
            started_at: at(start),
            ended_at: end.map(at),
            error: None,
            retry_in: None,
        };
        let earlier = [attempt(0, Some(2)), attempt(100, None)];
        assert_eq!(spent(&earlier, Some(at(1000)), Some(at(1003))), Duration::from_secs(5));
        assert_eq!(spent(&[], None, Some(at(3))), Duration::ZERO);
    }

    #[test]
    fn a_share_is_a_part_of_something() {
        let seconds = Duration::from_secs;
        assert_eq!(share(seconds(1), seconds(4)), Some(0.25));
        assert_eq!(share(seconds(5), seconds(4)), Some(1.0));
        assert_eq!(share(seconds(1), Duration::ZERO), None);
    }
}
