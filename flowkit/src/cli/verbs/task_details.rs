//! `show <run> <task>`: everything about task runs but their results: each attempt with its error, artifacts, metrics.

use crate::cli::json;
use crate::cli::out::{paragraph, print_line, table};
use crate::cli::rows::{self, Member};
use crate::cli::session::Session;
use crate::cli::task_ref;
use crate::cli::usage::UsageResult;
use crate::graph::style::glyph;
use crate::model::{Attempt, ErrorReport, StoredArtifact, StoredMetric, TaskRun, TaskRunId, iso};
use crate::store::Store;
use crate::text::columns;

use super::artifacts;

/// Shows the task runs that were meant.
pub(super) fn show(session: &Session, store: &dyn Store, family: &[Member], typed: &str) -> UsageResult<()> {
    for chosen in task_ref::tasks(store, family, typed)? {
        let member = chosen.member;
        let run = member.run.id;
        let artifacts = rows::artifacts(store, run)?;
        let metrics: Vec<StoredMetric> = rows::with_metrics(store, run, |metrics| metrics.collect())?;
        if session.is_json() {
            print_line(json::run(session, &member.run));
        }
        let ids = rows::with_tasks_in(store, run, &chosen.filter, |rows| {
            let mut ids = Vec::new();
            for row in rows {
                ids.push(row.id);
                if session.is_json() {
                    print_line(json::task_run(run, &row));
                } else {
                    details(member, &row).iter().for_each(print_line);
                    facts(store, member, row.id, &artifacts, &metrics)?.iter().for_each(print_line);
                }
            }
            UsageResult::Ok(ids)
        })??;
        if session.is_json() {
            // Rows are read by id.
            let is_chosen = |id: &TaskRunId| ids.binary_search(id).is_ok();
            let artifacts = artifacts.iter().filter(|artifact| is_chosen(&artifact.task_run));
            artifacts.for_each(|artifact| print_line(json::artifact(run, artifact)));
            let metrics = metrics.iter().filter(|metric| is_chosen(&metric.task_run));
            metrics.for_each(|metric| print_line(json::metric(run, metric)));
        }
    }
    Ok(())
}

/// All artifacts and metrics of one task run.
fn facts(
    store: &dyn Store,
    member: &Member,
    task: TaskRunId,
    artifacts: &[StoredArtifact],
    metrics: &[StoredMetric],
) -> UsageResult<Vec<String>> {
    let mut lines = Vec::new();
    for artifact in artifacts.iter().filter(|artifact| artifact.task_run == task) {
        let mut row = vec!["  artifact".to_owned()];
        row.extend(artifacts::described(store, member.run.id, artifact)?);
        lines.push(row);
    }
    for metric in metrics.iter().filter(|metric| metric.task_run == task) {
        let step = metric.step.map(|step| format!("step {step}")).unwrap_or_default();
        lines.push(vec![
            "  metric".to_owned(),
            columns::visible(&metric.name),
            columns::number(metric.value),
            step,
        ]);
    }
    Ok(table(&lines))
}

fn cause(error: &ErrorReport) -> Vec<String> {
    let mut lines = paragraph(&format!("✗ {} failed: ", error.task), &error.message);
    lines.extend(error.causes.iter().flat_map(|cause| paragraph("  └ caused by: ", cause)));
    lines.push(format!("  at {}", error.location));
    lines
}

/// Everything about one task run: each attempt with its error.
fn details(member: &Member, task: &TaskRun) -> Vec<String> {
    let mut lines =
        vec![format!("{} {}  {}", glyph(task.state), member.label(&task.label()), task.state.name())];
    if let Some(started_at) = task.started_at {
        let took = task.duration().map(|took| format!(", took {}", columns::duration(took)));
        lines.push(format!("  started {}{}", iso(started_at), took.unwrap_or_default()));
    }
    lines.push(format!("  called from {}", task.location));
    if let Some(behind) = task.flow_run {
        lines.push(format!("  sub-flow run {}", behind.short()));
    }
    // The last one, too: the picture of the run counts it.
    if !task.earlier_attempts.is_empty() {
        lines.extend(task.attempts().iter().map(|one| attempt(one, task)));
    }
    if let Some(reason) = &task.skip_reason {
        lines.push(format!("  skipped: {reason}"));
    }
    if let Some(reason) = task.not_persisted.as_ref().filter(|_| task.state.is_success()) {
        lines.push(format!(
            "  its result is not persisted, so a resumed run makes it again: {}",
            columns::visible(reason)
        ));
    }
    if let Some(error) = &task.error {
        lines.extend(cause(error).into_iter().map(|line| format!("  {line}")));
    }
    lines
}

fn attempt(attempt: &Attempt, task: &TaskRun) -> String {
    let is_below = attempt.number == task.attempt && task.error.is_some();
    let error = attempt.error.as_ref().filter(|_| !is_below).map(ToString::to_string).unwrap_or_default();
    let wait = attempt.retry_in.map(|wait| format!("; next after {}", columns::duration(wait)));
    let line =
        format!("  attempt {}: {} {error}{}", attempt.number, attempt.state.name(), wait.unwrap_or_default());
    line.trim_end().to_owned()
}
