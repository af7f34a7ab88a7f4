//! The first row of a run.

use rusqlite::{Connection, params};

use super::write::{Tools, error};
use super::{codes, ownership};
use crate::store::NewFlowRun;

/// Writes the row of a run that begins, if its key is still reserved for it. An existing row of this id stays, and its
/// epoch decides whether the rest is written.
pub(super) fn insert(
    connection: &Connection,
    tools: &mut Tools<'_>,
    new: &NewFlowRun,
) -> rusqlite::Result<()> {
    if let Some(key) = &new.key
        && !ownership::use_key(connection, &codes::text(key), new.owned.id)?
    {
        return Ok(());
    }
    let (flow, created_at) = (&new.flow, new.owned.created_at);
    let at = |time: Option<_>| time.map(|at| created_at.plus(at).as_micros());
    let declared = flow.declaration().tags.iter().copied();
    let tags: Vec<&str> = declared.chain(flow.extras().tags.iter().map(String::as_str)).collect();
    let task = tools.interned.task(connection, flow.declaration())?;
    let location = tools.interned.location(connection, flow.location())?;
    let program = tools.interned.program(connection, new.revision.as_ref())?;
    connection
        .prepare_cached(
            "INSERT INTO flow_runs (id, short, task, location, name, tags, parameters, parent, parent_task_run, state,
                 created_at, started_at, attempt_started_at, ended_at, attempt, error, owner, epoch, program)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)
             ON CONFLICT (id) DO NOTHING",
        )?
        .execute(params![
            new.owned.id.as_uuid().as_bytes(),
            new.owned.id.short(),
            task,
            location,
            flow.extras().name.as_deref().map(codes::text),
            codes::json(&tags)?,
            new.parameters.as_deref().map(codes::text),
            new.parent.map(|(run, _)| run.as_uuid().into_bytes()),
            new.parent.map(|(_, task_run)| codes::number(task_run)),
            codes::state_code(flow.state()),
            created_at.as_micros(),
            at(flow.started_at()),
            at(flow.attempt_started_at()),
            at(flow.ended_at()),
            flow.attempt_count(),
            error(flow)?,
            tools.owner.no,
            new.owned.epoch.cast_signed(),
            program,
        ])?;
    Ok(())
}
