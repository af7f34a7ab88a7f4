//! Whether a database is intact, and everything that its rows point to exists.

use std::fs;
use std::path::Path;

use flowkit::model::TaskRunId;
use flowkit::store::{FlowRunFilter, History, RunLog, SqliteStore, TaskRunFilter};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::stage::Stage;
use crate::kit::must;

/// Checks a database as a power cut has left it, without changing it.
pub(super) fn is_whole(stage: &Stage) -> Result<(), String> {
    let database = stage.database();
    if !database.exists() {
        return Ok(());
    }
    let broken = |error: rusqlite::Error| format!("the database cannot be read: {error}");
    let connection =
        Connection::open_with_flags(&database, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(broken)?;
    // The log stays for the next process.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(broken)?;
    let found: String =
        connection.query_row("PRAGMA integrity_check", [], |row| row.get(0)).map_err(broken)?;
    must(found == "ok", || format!("the database is damaged: {found}"))?;
    let mut files = connection
        .prepare(
            "SELECT lower(hex(file)) FROM results WHERE file IS NOT NULL
             UNION SELECT lower(hex(file)) FROM artifacts WHERE file IS NOT NULL",
        )
        .map_err(broken)?;
    let files = files.query_map([], |row| row.get::<_, String>(0)).map_err(broken)?;
    for name in files {
        let name = name.map_err(broken)?;
        let path = stage.disk().join("runs.db.values").join(&name[..2]).join(&name);
        must(path.exists(), || format!("a row points to a file that is missing: {name}"))?;
    }
    Ok(())
}

/// Reads every result and every artifact to which a row points, which checks that it exists and is undamaged.
pub(super) fn all_can_be_read(database: &Path) -> Result<(), String> {
    let store = SqliteStore::open(database).map_err(|error| error.to_string())?;
    let mut all = FlowRunFilter::default();
    all.sub_flows = true;
    let said = |error: flowkit::store::StoreError| error.to_string();
    for run in store.flow_runs(&all, None, usize::MAX).map_err(said)?.runs {
        let filter = TaskRunFilter::default();
        let rows = store.task_runs(run.id, &filter, TaskRunId::FLOW, usize::MAX).map_err(said)?;
        for row in rows.iter().filter(|row| row.has_result) {
            let result = store.result(run.id, row.id).map_err(said)?;
            must(result.is_some(), || format!("{} has lost its result", row.label()))?;
        }
        for artifact in store.artifacts(run.id, 0, usize::MAX).map_err(said)? {
            let content = store.artifact(run.id, artifact.sequence).map_err(said)?;
            let len = content.map(|content| content.len() as u64);
            must(len == Some(artifact.bytes), || format!("the artifact {} is lost", artifact.key))?;
        }
    }
    drop(store);
    fs::metadata(database).map(drop).map_err(|error| error.to_string())
}
