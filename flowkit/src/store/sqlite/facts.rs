//! Facts that task runs report: written in order, and read back.

use rusqlite::types::Type;
use rusqlite::{Connection, Row, params};

use super::codes;
use super::write::{Content, Tools, checksum};
use crate::model::{
    Artifact, ArtifactKind, Digest, FlowRunId, Metric, StoredArtifact, StoredMetric, TaskRunId, WallTime,
};
use crate::store::{Fact, FactKind, TimeUp};

const KINDS: [ArtifactKind; 7] = [
    ArtifactKind::Markdown,
    ArtifactKind::Table,
    ArtifactKind::Link,
    ArtifactKind::Image,
    ArtifactKind::File,
    ArtifactKind::Dataset,
    ArtifactKind::Model,
];

/// Writes facts of the run with this number.
pub(super) fn write(
    connection: &Connection,
    tools: &Tools<'_>,
    run: i64,
    facts: &[Fact],
) -> rusqlite::Result<()> {
    for fact in facts {
        let who = Who { run, task_run: codes::number(fact.task_run), at: fact.at.as_micros() };
        match &fact.kind {
            FactKind::Made(artifact) => make(connection, tools, &who, artifact)?,
            FactKind::Measured(metric) => measure(connection, &who, metric)?,
            FactKind::Used(file) => {
                connection
                    .prepare_cached(
                        "INSERT INTO used_files (run, task_run, file) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
                    )?
                    .execute(params![who.run, who.task_run, file.as_bytes()])?;
            }
            FactKind::TimeUp(TimeUp { key, ended, after }) => {
                connection
                    .prepare_cached(
                        "INSERT INTO times_up (run, key, ended, after) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (run, key) DO UPDATE SET ended = excluded.ended, after = excluded.after",
                    )?
                    .execute(params![
                        who.run,
                        key.as_bytes(),
                        ended.as_ref().map(codes::json).transpose()?,
                        codes::order_no(*after)
                    ])?;
            }
        }
    }
    Ok(())
}

/// The source of a fact, and its time.
struct Who {
    run: i64,
    task_run: i64,
    at: i64,
}

fn make(connection: &Connection, tools: &Tools<'_>, who: &Who, artifact: &Artifact) -> rusqlite::Result<()> {
    let Content { body, file } = Content::of(tools, &artifact.content)?;
    connection
        .prepare_cached(
            "INSERT INTO artifacts (run, seq, task_run, at, key, version, kind, media_type, file_name, bytes, describes,
                 body, checksum, file)
             VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM artifacts WHERE run = ?1), ?2, ?3, ?4,
                 (SELECT coalesce(max(version), 0) + 1 FROM artifacts WHERE run = ?1 AND key = ?4),
                 ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            who.run,
            who.task_run,
            who.at,
            codes::text(&artifact.key),
            artifact.kind.name(),
            codes::text(&artifact.media_type),
            artifact.file_name.as_deref().map(codes::text),
            (artifact.content.len() as u64).cast_signed(),
            artifact.describes.as_ref().map(|file| file.as_bytes()),
            body,
            body.map(checksum),
            file,
        ])?;
    Ok(())
}

fn measure(connection: &Connection, who: &Who, metric: &Metric) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO metrics (run, seq, task_run, at, name, step, value)
             VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM metrics WHERE run = ?1), ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            who.run,
            who.task_run,
            who.at,
            codes::text(&metric.name),
            metric.step.map(u64::cast_signed),
            // NaN becomes NULL by itself.
            metric.value,
        ])?;
    Ok(())
}

/// What [`artifact`] reads: the artifacts of a run after a number, up to a limit.
pub(super) const ARTIFACTS: &str = "
    SELECT a.seq, a.task_run, a.at, a.key, a.version, a.kind, a.media_type, a.file_name, a.bytes, a.describes
    FROM artifacts a JOIN flow_runs f ON f.no = a.run WHERE f.id = ?1 AND a.seq > ?2 ORDER BY a.seq LIMIT ?3";

pub(super) fn artifact(row: &Row<'_>) -> rusqlite::Result<StoredArtifact> {
    let describes: Option<[u8; 32]> = row.get(9)?;
    Ok(StoredArtifact {
        sequence: row.get::<_, i64>(0)?.cast_unsigned(),
        task_run: codes::task_run(row.get(1)?),
        at: WallTime::from_micros(row.get(2)?),
        key: row.get(3)?,
        version: row.get(4)?,
        kind: kind(&row.get::<_, String>(5)?)?,
        media_type: row.get(6)?,
        file_name: row.get(7)?,
        bytes: row.get::<_, i64>(8)?.cast_unsigned(),
        describes: describes.map(Digest::from_bytes),
    })
}

/// The content of an artifact, for a `ContentRow`.
pub(super) const CONTENT: &str = "
    SELECT a.body, a.file, a.checksum FROM artifacts a JOIN flow_runs f ON f.no = a.run
    WHERE f.id = ?1 AND a.seq = ?2";

/// What [`metric`] reads: the metrics of a run after a number, up to a limit.
pub(super) const METRICS: &str = "
    SELECT m.seq, m.task_run, m.at, m.name, m.step, m.value FROM metrics m JOIN flow_runs f ON f.no = m.run
    WHERE f.id = ?1 AND m.seq > ?2 ORDER BY m.seq LIMIT ?3";

pub(super) fn metric(row: &Row<'_>) -> rusqlite::Result<StoredMetric> {
    Ok(StoredMetric {
        sequence: row.get::<_, i64>(0)?.cast_unsigned(),
        task_run: codes::task_run(row.get(1)?),
        at: WallTime::from_micros(row.get(2)?),
        name: row.get(3)?,
        step: row.get::<_, Option<i64>>(4)?.map(i64::cast_unsigned),
        value: row.get::<_, Option<f64>>(5)?.unwrap_or(f64::NAN),
    })
}

/// The waits of a run that timed out.
pub(super) const TIMES_UP: &str = "
    SELECT w.key, w.ended, w.after FROM times_up w JOIN flow_runs f ON f.no = w.run WHERE f.id = ?1 ORDER BY w.key";

pub(super) fn time_up(row: &Row<'_>) -> rusqlite::Result<TimeUp> {
    Ok(TimeUp {
        key: Digest::from_bytes(row.get(0)?),
        ended: row.get::<_, Option<String>>(1)?.as_deref().map(codes::read_json).transpose()?,
        after: codes::read_order_no(row.get(2)?),
    })
}

/// The task runs that made a file and those that used it, each once, for [`who`].
pub(super) const MADE_BY: &str = "
    SELECT DISTINCT f.id, a.task_run FROM artifacts a JOIN flow_runs f ON f.no = a.run WHERE a.describes = ?1
    ORDER BY f.no, a.task_run";
pub(super) const USED_BY: &str = "
    SELECT f.id, u.task_run FROM used_files u JOIN flow_runs f ON f.no = u.run WHERE u.file = ?1
    ORDER BY f.no, u.task_run";

pub(super) fn who(row: &Row<'_>) -> rusqlite::Result<(FlowRunId, TaskRunId)> {
    Ok((codes::flow_run(row.get(0)?), codes::task_run(row.get(1)?)))
}

fn kind(name: &str) -> rusqlite::Result<ArtifactKind> {
    let known = KINDS.into_iter().find(|kind| kind.name() == name);
    known.ok_or_else(|| codes::nonsense(Type::Text, format!("there is no artifact of the kind `{name}`")))
}
