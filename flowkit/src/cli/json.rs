//! The lines of `--output json`, except those of events, which `terminal/json.rs` writes. Each has the version of the
//! format in `"v"`, its kind in `"t"`, and the short id of its run, if it has one, in `"run"`.

use serde_json::{Value, json};

use super::outcome;
use super::secrets::recorded;
use super::session::Session;
use crate::engine::spec::FlowSpec;
use crate::model::{FlowRunId, StoredArtifact, StoredFlowRun, StoredLog, StoredMetric, TaskRun, iso};
use crate::terminal::json::{JsonError, VERSION};
use crate::value::json::{Json, Members};

/// Writes a line of a kind. A value of a user is not among the `fields`, but added with [`Json::with`], which changes no number.
pub(super) fn line(kind: &str, run: Option<FlowRunId>, fields: Value) -> Json {
    let mut line =
        Members::from([("v".to_owned(), u32::from(VERSION).into()), ("t".to_owned(), kind.into())]);
    if let Some(run) = run {
        line.insert("run".to_owned(), run.short().into());
    }
    if let Json::Object(fields) = fields.into() {
        line.extend(fields.into_iter().filter(|(_, value)| *value != Json::Null));
    }
    Json::Object(line)
}

/// A run.
pub(super) fn run(session: &Session, run: &StoredFlowRun) -> Json {
    let known = session.program.flow_of(&run.path).map(FlowSpec::all_parameters).unwrap_or_default();
    fields_of(run, run.parameters.as_deref().and_then(|persisted| recorded(&known, persisted)))
}

fn fields_of(run: &StoredFlowRun, params: Option<Members>) -> Json {
    let fields = json!({
        "id": run.id,
        "flow": run.flow,
        "name": run.name,
        "tags": run.tags,
        "state": run.state,
        "outcome": outcome::word(run),
        "failures": run.failures,
        "created_at": iso(run.created_at),
        "started_at": run.started_at.map(iso),
        "ended_at": run.ended_at.map(iso),
        "ms": run.duration().map(millis),
        "attempt": run.attempt,
        "crashes": run.crashes,
        "parent": run.parent.map(|(parent, _)| parent.short()),
        "parent_task_run": run.parent.map(|(_, task_run)| task_run),
        "owner": run.owner,
        "version": run.version,
        "revision": run.revision,
        "program": run.program.map(|digest| digest.to_string()),
        "error": run.error.as_deref().map(JsonError::of),
    });
    line("run", Some(run.id), fields).with("params", params.map(Json::Object))
}

/// A task run of a run.
pub(super) fn task_run(run: FlowRunId, row: &TaskRun) -> Json {
    let earlier = row.earlier_attempts.iter().map(|attempt| {
        json!({
            "number": attempt.number,
            "state": attempt.state,
            "started_at": iso(attempt.started_at),
            "ended_at": attempt.ended_at.map(iso),
            "error": attempt.error.as_deref().map(JsonError::of),
            "delay_ms": attempt.retry_in.map(millis),
        })
    });
    let fields = json!({
        "task_run": row.id,
        "kind": row.kind,
        "task": row.task,
        "label": row.label(),
        "state": row.state,
        "attempt": row.attempt,
        "earlier_attempts": earlier.collect::<Vec<_>>(),
        "started_at": row.started_at.map(iso),
        "ended_at": row.ended_at.map(iso),
        "inputs": row.edges.iter().map(|edge| edge.from()).collect::<Vec<_>>(),
        "error": row.error.as_deref().map(JsonError::of),
        "skip_reason": row.skip_reason,
        "location": row.location,
        "crashes": row.crashes,
        "not_persisted": row.not_persisted,
        "sub_flow": row.flow_run.map(|run| run.short()),
    });
    line("task_run", Some(run), fields)
}

/// An artifact, without its content.
pub(super) fn artifact(run: FlowRunId, artifact: &StoredArtifact) -> Json {
    let fields = json!({
        "task_run": artifact.task_run,
        "at": iso(artifact.at),
        "key": artifact.key,
        "version": artifact.version,
        "kind": artifact.kind.name(),
        "media_type": artifact.media_type,
        "file_name": artifact.file_name,
        "bytes": artifact.bytes,
    });
    line("artifact", Some(run), fields)
}

/// A metric. JSON has no NaN and no infinity: those are text, as in the JSON of Protocol Buffers.
pub(super) fn metric(run: FlowRunId, metric: &StoredMetric) -> Json {
    let fields = json!({
        "task_run": metric.task_run,
        "at": iso(metric.at),
        "name": metric.name,
        "step": metric.step,
        "value": number(metric.value),
    });
    line("metric", Some(run), fields)
}

/// A log line. The `path` leads to the sub-flow whose line it is.
pub(super) fn log(run: FlowRunId, path: Option<&str>, label: &str, log: &StoredLog) -> Json {
    let fields = json!({
        "path": path,
        "task_run": log.task_run,
        "label": label,
        "at": iso(log.at),
        "level": log.level,
        "target": log.target,
        "message": log.message,
    });
    line("log", Some(run), fields)
}

pub(super) fn number(value: f64) -> Value {
    match value {
        value if value.is_nan() => "NaN".into(),
        f64::INFINITY => "Infinity".into(),
        f64::NEG_INFINITY => "-Infinity".into(),
        value => value.into(),
    }
}

pub(super) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_that_json_does_not_know_is_text() {
        let written = [0.5, -0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY].map(number);
        assert_eq!(written, [json!(0.5), json!(-0.0), json!("NaN"), json!("Infinity"), json!("-Infinity")]);
    }

    #[test]
    fn the_time_of_a_run_that_was_gone_on_with_is_that_of_its_attempts() {
        let second = |seconds: u64| seconds * 1_000_000;
        let persisted = json!({
            "id": FlowRunId::new(uuid::Uuid::nil()), "flow": "etl", "path": "etl", "tags": [], "state": "completed",
            "created_at": 0, "started_at": 0, "ended_at": second(1003), "attempt": 2,
            "earlier_attempts": [
                { "number": 1, "state": "failed", "started_at": 0, "ended_at": second(2), "error": null, "retry_in": null }
            ],
            "attempt_started_at": second(1000), "crashes": 0, "location": "",
        });
        let persisted: StoredFlowRun = serde_json::from_value(persisted).unwrap();
        assert_eq!(fields_of(&persisted, None).as_object().unwrap()["ms"], 5000_u32.into());
    }
}
