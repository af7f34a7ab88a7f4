//! `show`: everything about a run, or about one of its tasks.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use clap::ArgMatches;
use serde_json::{Map, Value};

use super::{artifacts, slow};
use crate::cli::json;
use crate::cli::out::{columns, paragraph, print_line, table};
use crate::cli::outcome;
use crate::cli::rows;
use crate::cli::session::Session;
use crate::cli::shown_values::{Of, show as shown};
use crate::cli::usage::{Usage, UsageResult, meant_or_known};
use crate::engine::spec::FlowSpec;
use crate::graph::style::glyph;
use crate::model::{ArtifactKind, ErrorReport, StoredArtifact, StoredFlowRun, StoredMetric, TaskRun, iso};
use crate::store::Store;
use crate::terminal::picture::finished;
use crate::terminal::{Line, StyleSupport, artifact_label};
use crate::text::columns;
use crate::text::wording::counted;
use crate::value::shape::ParamType;

/// The greatest width, and that outside a terminal, such as in a pager or a mail.
const COLUMNS: usize = 100;

pub(super) fn show(session: &Session, matches: &ArgMatches) -> UsageResult<()> {
    let store = session.settings.look_back()?;
    let run = session.run(&store, matches, "run")?;
    if let Some(count) = matches.get_one::<u64>("slow") {
        return slow::show(session, &store, &run, usize::try_from(*count).unwrap_or(usize::MAX));
    }
    let mut tasks = rows::tasks(&store, run.id)?;
    let (mut artifacts, mut metrics) = (rows::artifacts(&store, run.id)?, rows::metrics(&store, run.id)?);
    let typed = matches.get_one::<String>("task");
    if let Some(typed) = typed {
        tasks = chosen(&run, tasks, typed)?;
        let is_chosen = |id| tasks.iter().any(|task| task.id == id);
        artifacts.retain(|artifact| is_chosen(artifact.task_run));
        metrics.retain(|metric| is_chosen(metric.task_run));
    }
    if session.is_json() {
        print_line(json::run(session, &run));
        tasks.iter().map(|task| json::task_run(run.id, task)).for_each(print_line);
        artifacts.iter().map(|artifact| json::artifact(run.id, artifact)).for_each(print_line);
        metrics.iter().map(|metric| json::metric(run.id, metric)).for_each(print_line);
    } else if typed.is_none() {
        show_run(session, &store, &run, &tasks, artifacts, &metrics)?;
    } else {
        for task in &tasks {
            details(task).iter().for_each(print_line);
            facts_of(&store, &run, task, &artifacts, &metrics)?.iter().for_each(print_line);
        }
    }
    Ok(())
}

/// Shows a run: its parameters, its picture, and the artifacts and metrics of its tasks.
fn show_run(
    session: &Session,
    store: &dyn Store,
    run: &StoredFlowRun,
    tasks: &[TaskRun],
    mut artifacts: Vec<StoredArtifact>,
    metrics: &[StoredMetric],
) -> UsageResult<()> {
    print_line(head(run));
    let row = |(name, value): (String, String)| vec![format!("  {name}"), columns::shortened(&value, 200)];
    let parameters: Vec<_> = parameters(session, run).into_iter().map(row).collect();
    table(&parameters).iter().for_each(print_line);
    let view = rows::view(store, run, tasks)?;
    let style = StyleSupport::from_env(std::io::stdout().is_terminal());
    let width = columns().map_or(COLUMNS, |columns| columns.min(COLUMNS));
    let drawn = finished(&view, width, &session.offers_for(run).shown());
    drawn.iter().map(|line| style.painted(line)).for_each(print_line);
    let drawn: Vec<String> = drawn.iter().map(Line::plain).collect();
    // Artifacts that the picture shows with their task are not repeated.
    artifacts.retain(|artifact| {
        let label = artifact_label(&artifact.key, artifact.kind, artifact.file_name.as_deref());
        let is_hidden = artifact.kind == ArtifactKind::Link && !style.links;
        is_hidden || !drawn.iter().any(|line| line.contains(&label))
    });
    facts(store, run, &artifacts, metrics)?.iter().for_each(print_line);
    Ok(())
}

/// The artifacts and metrics of a run: the latest of each key and name.
fn facts(
    store: &dyn Store,
    run: &StoredFlowRun,
    artifacts: &[StoredArtifact],
    metrics: &[StoredMetric],
) -> UsageResult<Vec<String>> {
    let latest: BTreeMap<&str, &StoredArtifact> =
        artifacts.iter().map(|artifact| (artifact.key.as_str(), artifact)).collect();
    let values: BTreeMap<&str, f64> =
        metrics.iter().map(|metric| (metric.name.as_str(), metric.value)).collect();
    let mut lines = Vec::new();
    for artifact in latest.values() {
        let mut row = vec!["   artifact".to_owned()];
        row.extend(artifacts::described(store, run.id, artifact)?);
        lines.push(row);
    }
    lines.extend(
        values.iter().map(|(name, value)| {
            vec!["   metric".to_owned(), columns::visible(name), columns::number(*value)]
        }),
    );
    Ok(table(&lines))
}

/// Finds task runs by name: that of a task, or of one run.
pub(super) fn chosen(run: &StoredFlowRun, tasks: Vec<TaskRun>, typed: &str) -> UsageResult<Vec<TaskRun>> {
    let (found, others): (Vec<_>, Vec<_>) =
        tasks.into_iter().partition(|task| task.task == typed || task.label() == typed);
    if !found.is_empty() {
        return Ok(found);
    }
    let known = meant_or_known(typed, &rows::names(&others));
    Err(Usage::new(format!("run `{}` has no task `{typed}`; {known}", run.id.short())))
}

fn head(run: &StoredFlowRun) -> String {
    let name = run.name.as_ref().map(|name| format!(" ({})", columns::visible(name))).unwrap_or_default();
    let took = run.duration().map(|took| format!(" in {}", columns::duration(took)));
    let crashes = match run.crashes {
        0 => String::new(),
        crashes => format!(", {}", counted(crashes as usize, "crash", "crashes")),
    };
    format!(
        "{} {}{name}  run {}  {}{}{crashes}  {}",
        outcome::sign(run),
        run.flow,
        run.id.short(),
        outcome::words(run),
        took.unwrap_or_default(),
        iso(run.created_at)
    )
}

/// The persisted parameters of a run, with values as people would write them: they contain no secrets.
pub(super) fn parameters(session: &Session, run: &StoredFlowRun) -> Vec<(String, String)> {
    let persisted =
        run.parameters.as_deref().and_then(|json| serde_json::from_str::<Map<String, Value>>(json).ok());
    let known = session.program.flow_of(&run.path).map(FlowSpec::all_parameters).unwrap_or_default();
    let param_type = |name: &str| {
        known.iter().find(|known| known.name == name).map_or(&ParamType::Anything, |known| &known.param_type)
    };
    let shown = |(name, value): (String, Value)| {
        let value = columns::visible(&shown(param_type(&name), &value, Of::Recorded));
        (name, value)
    };
    let mut all: Vec<_> = persisted.unwrap_or_default().into_iter().map(shown).collect();
    // In the order of the flow; parameters that it no longer has are last.
    all.sort_by_key(|(name, _)| known.iter().position(|known| known.name == name).unwrap_or(known.len()));
    all
}

/// All artifacts and metrics of one task run.
fn facts_of(
    store: &dyn Store,
    run: &StoredFlowRun,
    task: &TaskRun,
    artifacts: &[StoredArtifact],
    metrics: &[StoredMetric],
) -> UsageResult<Vec<String>> {
    let mut lines = Vec::new();
    for artifact in artifacts.iter().filter(|artifact| artifact.task_run == task.id) {
        let mut row = vec!["  artifact".to_owned()];
        row.extend(artifacts::described(store, run.id, artifact)?);
        lines.push(row);
    }
    for metric in metrics.iter().filter(|metric| metric.task_run == task.id) {
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
fn details(task: &TaskRun) -> Vec<String> {
    let mut lines = vec![format!("{} {}  {}", glyph(task.state), task.label(), task.state.name())];
    if let Some(started_at) = task.started_at {
        let took = task.duration().map(|took| format!(", took {}", columns::duration(took)));
        lines.push(format!("  started {}{}", iso(started_at), took.unwrap_or_default()));
    }
    lines.push(format!("  called at {}", task.location));
    for attempt in &task.earlier_attempts {
        let error = attempt.error.as_ref().map(ToString::to_string).unwrap_or_default();
        let wait = attempt.retry_in.map(|wait| format!("; next after {}", columns::duration(wait)));
        let state = attempt.state.name();
        let line = format!("  attempt {}: {state} {error}{}", attempt.number, wait.unwrap_or_default());
        lines.push(line.trim_end().to_owned());
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
