//! Rows as they are read back.

use std::borrow::Cow;

use rusqlite::Row;

use super::codes;
use super::rare::Rare;
use crate::model::{CallId, Digest, Provenance, Seal, StoredFlowRun, TaskRun, ValueVersion, WallTime};

/// The end of the last attempt of a flow run that was followed by another one: see `StoredFlowRun::anew_since`.
macro_rules! anew_since {
    ($run:literal) => {
        concat!(
            "coalesce((SELECT max(a.body ->> 'ended_no') FROM attempts a
                WHERE a.run = ",
            $run,
            ".no AND a.task_run = 0 AND a.body ->> 'state' <> 'crashed'), 0)"
        )
    };
}

/// What [`flow_run`] reads. Conditions may name the tables `f` (flow runs), `t` (their flows) and `p` (locations), and
/// `failures`: how many task runs failed in it and in the runs `below` it, those of its sub-flows. The node of a
/// sub-flow is not counted beside the failures in it.
pub(super) const FLOW_RUN: &str = concat!(
    "
    SELECT f.id, t.name, t.path, t.version, f.name, f.tags, f.state, f.parameters, f.parent, f.parent_task_run,
        f.created_at, f.started_at, f.ended_at, f.attempt,
        (SELECT '[' || group_concat(a.body, ',' ORDER BY a.number) || ']' FROM attempts a WHERE a.run = f.no AND a.task_run = 0),
        f.attempt_started_at, f.error, f.crashes, p.text, f.begun_no, f.ended_no, t.owner, g.revision, g.digest,
        (WITH RECURSIVE
            below (no, id, since) AS (
                SELECT f.no, f.id, ",
    anew_since!("f"),
    "
                UNION ALL
                SELECT s.no, s.id, ",
    anew_since!("s"),
    "
                FROM below b
                JOIN flow_runs s ON s.parent = b.id
                JOIN task_runs n ON n.run = b.no AND n.id = s.parent_task_run AND n.flow_run = s.id
                    AND (n.ended_no IS NULL OR n.ended_no > b.since))
            SELECT count(*)
            FROM below b
            JOIN task_runs r ON r.run = b.no AND r.state IN (10, 11) AND r.ended_no > b.since
            WHERE r.flow_run IS NULL OR NOT EXISTS (
                SELECT 1 FROM flow_runs s JOIN task_runs x ON x.run = s.no AND x.state IN (10, 11)
                WHERE s.id = r.flow_run)) AS failures
    FROM flow_runs f JOIN tasks t ON t.no = f.task JOIN locations p ON p.no = f.location
    LEFT JOIN programs g ON g.no = f.program"
);

pub(super) fn flow_run(row: &Row<'_>) -> rusqlite::Result<StoredFlowRun> {
    let parent: Option<[u8; 16]> = row.get(8)?;
    let parent_task_run: Option<i64> = row.get(9)?;
    let tags: String = row.get(5)?;
    Ok(StoredFlowRun {
        id: codes::flow_run(row.get(0)?),
        flow: row.get(1)?,
        path: row.get(2)?,
        version: row.get(3)?,
        name: row.get(4)?,
        tags: codes::read_json(&tags)?,
        state: codes::state(row.get(6)?)?,
        parameters: row.get(7)?,
        parent: parent
            .zip(parent_task_run)
            .map(|(run, task_run)| (codes::flow_run(run), codes::task_run(task_run))),
        created_at: WallTime::from_micros(row.get(10)?),
        started_at: time(row, 11)?,
        ended_at: time(row, 12)?,
        attempt: row.get(13)?,
        earlier_attempts: json(row, 14)?.unwrap_or_default(),
        attempt_started_at: time(row, 15)?,
        error: json(row, 16)?,
        crashes: row.get(17)?,
        location: row.get(18)?,
        begun_no: codes::read_order_no(row.get(19)?),
        ended_no: codes::read_order_no(row.get(20)?),
        owner: row.get(21)?,
        revision: row.get(22)?,
        program: row.get::<_, Option<[u8; 32]>>(23)?.map(Digest::from_bytes),
        failures: row.get::<_, i64>(24)?.cast_unsigned(),
    })
}

/// What [`task_run`] reads. Conditions may name the tables `r` (task runs), `t` (their tasks), `p` (locations) and `f`.
pub(super) const TASK_RUN: &str = "
    SELECT r.id, r.parent, r.key, t.kind, t.name, t.path, t.version, r.position, r.name, t.tags, r.rare, p.text,
        r.edges, r.state, r.attempt,
        (SELECT '[' || group_concat(a.body, ',' ORDER BY a.number) || ']' FROM attempts a WHERE a.run = r.run AND a.task_run = r.id),
        r.created_at, r.started_at, coalesce(r.attempt_started_at, r.started_at), r.ended_at, r.error, r.flow_run,
        r.crashes, EXISTS (SELECT 1 FROM results o WHERE o.run = r.run AND o.task_run = r.id), r.begun_no, r.ended_no,
        r.nth, r.seal, r.version, r.made_from, t.source_hash
    FROM flow_runs f JOIN task_runs r ON r.run = f.no JOIN tasks t ON t.no = r.task JOIN locations p ON p.no = r.location";

pub(super) fn task_run(row: &Row<'_>) -> rusqlite::Result<TaskRun> {
    let key: Option<[u8; 32]> = row.get(2)?;
    let seal: Option<[u8; 16]> = row.get(27)?;
    let tags: String = row.get(9)?;
    let mut tags: Vec<Cow<'static, str>> = codes::read_json(&tags)?;
    let rare: Rare<'_> = json(row, 10)?.unwrap_or_default();
    tags.extend(rare.tags.into_owned().into_iter().map(Cow::from));
    let edges: Option<String> = row.get(12)?;
    let flow_run: Option<[u8; 16]> = row.get(21)?;
    let (version, made_from) = (version(row, 28)?, version(row, 29)?);
    let provenance = version.map(|version| Provenance { version, made_from });
    Ok(TaskRun {
        id: codes::task_run(row.get(0)?),
        parent: codes::task_run(row.get(1)?),
        call: key.zip(row.get(26)?).map(|(key, nth)| CallId {
            key: Digest::from_bytes(key),
            seal: seal.map(Seal::from_bytes),
            nth,
        }),
        unknown: rare.unknown.map(|unknown| unknown.into_owned().into()),
        kind: codes::kind(row.get(3)?),
        task: row.get(4)?,
        path: row.get(5)?,
        version: row.get(6)?,
        source_hash: row.get::<_, i64>(30)?.cast_unsigned(),
        index: row.get(7)?,
        name: row.get(8)?,
        tags,
        group: rare.group.map(Cow::into_owned),
        branch: rare.branch.map(Cow::into_owned),
        location: row.get(11)?,
        edges: edges.as_deref().map_or(Ok(Vec::new()), codes::read_edges)?,
        state: codes::state(row.get(13)?)?,
        attempt: row.get(14)?,
        earlier_attempts: json(row, 15)?.unwrap_or_default(),
        created_at: WallTime::from_micros(row.get(16)?),
        started_at: time(row, 17)?,
        attempt_started_at: time(row, 18)?,
        ended_at: time(row, 19)?,
        error: json(row, 20)?,
        skip_reason: rare.skip_reason.map(Cow::into_owned),
        flow_run: flow_run.map(codes::flow_run),
        orphaned: rare.orphaned,
        crashes: row.get(22)?,
        has_result: row.get(23)?,
        begun_no: codes::read_order_no(row.get(24)?),
        ended_no: codes::read_order_no(row.get(25)?),
        cancelled_by_body: rare.cancelled_by_body,
        rank: rare.rank,
        not_persisted: rare.not_persisted.map(Cow::into_owned),
        provenance,
    })
}

fn version(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<ValueVersion>> {
    Ok(row.get::<_, Option<[u8; 16]>>(column)?.map(ValueVersion::from_bytes))
}

fn time(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<WallTime>> {
    Ok(row.get::<_, Option<i64>>(column)?.map(WallTime::from_micros))
}

fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<T>> {
    let text: Option<String> = row.get(column)?;
    text.as_deref().map(codes::read_json).transpose()
}
