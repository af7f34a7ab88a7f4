//! Which index answers which question, and how fast: `cargo test --release -- --ignored --nocapture history_is_fast`.

use std::path::Path;

use rusqlite::Connection;
use tempfile::TempDir;
use uuid::Uuid;

use super::super::{SqliteStore, codes};
use super::*;
use crate::model::WallTime;
use crate::store::Ownership as _;

/// Some morning of 2026.
const NOW: i64 = 1_770_000_000_000_000;

/// A run every so often until now, and so many task runs and lines in each. Every hundredth failed.
fn fill(path: &Path, runs: i64, task_runs: i64, lines: i64) {
    let mut connection = Connection::open(path).unwrap();
    let transaction = connection.transaction().unwrap();
    for (no, name) in [(1, "etl"), (2, "report"), (3, "fetch"), (4, "load")] {
        let row = (no, i64::from(no < 3), name);
        transaction
            .execute("INSERT INTO tasks (no, kind, name, path, tags, source_hash, last_no) VALUES (?1, ?2, ?3, ?3, '[]', 0, 1)", row)
            .unwrap();
    }
    transaction.execute("INSERT INTO locations (no, text) VALUES (1, 'src/etl.rs:1')", []).unwrap();
    for no in 1..=runs {
        let created_at = NOW - (runs - no) * 600_000_000;
        let id = u128::from(created_at.unsigned_abs() / 1000) << 80
            | 7 << 76
            | 2 << 62
            | u128::from(no.unsigned_abs()) << 24;
        let id = FlowRunId::new(Uuid::from_u128(id | u128::from(no.unsigned_abs() * 7919 % 9973)));
        let state = if no % 100 == 0 { State::Failed } else { State::Completed };
        let tags = if no % 500 == 0 { r#"["nightly","rare"]"# } else { r#"["nightly"]"# };
        transaction
            .prepare_cached(
                "INSERT INTO flow_runs (no, id, short, task, location, name, tags, parameters, state, created_at,
                     started_at, ended_at, attempt, epoch, last_log)
                 VALUES (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9, ?9, ?9, 1, 1, ?10)",
            )
            .unwrap()
            .execute(params![
                no,
                id.as_uuid().as_bytes(),
                id.short(),
                1 + i64::from(no % 50 == 0),
                format!("run number {no}"),
                tags,
                r#"{"urls":["https://example.com/a","https://example.com/b"],"limit":100}"#,
                codes::state_code(state),
                created_at,
                lines
            ])
            .unwrap();
    }
    let rows = "WITH RECURSIVE r (no) AS (SELECT 1 UNION ALL SELECT no + 1 FROM r WHERE no < ?1),
                    i (no) AS (SELECT 1 UNION ALL SELECT no + 1 FROM i WHERE no < ?2)";
    transaction
        .execute(
            &format!(
                "{rows} INSERT INTO task_runs (run, id, parent, task, location, state, attempt, created_at)
                 SELECT r.no, i.no, 0, 3 + i.no % 2, 1, 8, 1, {NOW} FROM r, i"
            ),
            [runs, task_runs],
        )
        .unwrap();
    transaction
        .execute(
            &format!(
                "{rows} INSERT INTO logs (run, seq, task_run, at, level, target, message)
                 SELECT r.no, i.no, i.no % 10, {NOW}, 2, 'etl', 'fetched page ' || i.no || ' of example.com in time'
                 FROM r, i"
            ),
            [runs, lines],
        )
        .unwrap();
    // What is written past the store voids the digest of its pages.
    transaction.execute("UPDATE page_digest SET digest = NULL", []).unwrap();
    transaction.commit().unwrap();
}

fn filled(runs: i64, task_runs: i64, lines: i64) -> (TempDir, SqliteStore) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("runs.db");
    drop(SqliteStore::open(&path).unwrap());
    fill(&path, runs, task_runs, lines);
    (folder, SqliteStore::open(&path).unwrap())
}

fn filters() -> Vec<(&'static str, &'static str)> {
    // A filter, and the index that answers it.
    vec![
        ("", "flow_runs_outermost"),
        ("state:failed", "flow_runs_by_state"),
        ("state:timed_out", "flow_runs_by_state"),
        ("flow:report", "flow_runs_by_task"),
        ("flow:nothing", "flow_runs_by_task"),
        ("tag:rare", "flow_run_tags"),
        ("tag:nothing", "flow_run_tags"),
        ("since:2d", "flow_runs_by_time (created_at"),
        ("until:60d", "flow_runs_by_time (created_at"),
        ("since:60d until:59d", "flow_runs_by_time (created_at"),
        ("state:failed flow:report tag:rare since:60d", "flow_runs_by"),
        // Text in the middle of a name is found by looking at names, the newest first.
        ("\"number 77\"", "flow_runs_outermost"),
        ("nothing", "flow_runs_outermost"),
        ("state:completed", "flow_runs_"),
        ("flow:etl tag:nightly state:completed", "flow_run"),
    ]
}

fn filter(text: &str) -> FlowRunFilter {
    FlowRunFilter::parse(text, WallTime::from_micros(NOW)).unwrap()
}

fn plan(store: &SqliteStore, question: &Query) -> String {
    let sql = format!("EXPLAIN QUERY PLAN {}", question.sql);
    let lines = store.readers.read_all(&sql, question.values(), |row| row.get::<_, String>(3)).unwrap();
    lines.join("; ")
}

#[test]
fn an_index_answers_every_kind_of_filter() {
    let (_folder, store) = filled(300, 1, 1);
    for (text, index) in filters() {
        let plan = plan(&store, &choose::flow_runs(&filter(text), None, 50));
        assert!(plan.contains(index), "{text}: {plan}");
    }
}

#[test]
fn a_search_in_lines_asks_the_index_of_words() {
    let (_folder, store) = filled(3, 1, 20);
    let place = lines::LinePosition { run: 1, first: 1, last: 20 };
    let filter = LogFilter { text: Some("page 7".into()), ..LogFilter::default() };
    let plan = plan(&store, &lines::question(&place, &filter, 0, 10));
    assert!(
        plan.contains("SCAN w VIRTUAL TABLE INDEX")
            && plan.contains("SEARCH l USING INTEGER PRIMARY KEY")
            && !plan.contains("TEMP"),
        "{plan}"
    );
}

#[test]
fn what_a_death_left_half_forgotten_is_forgotten_the_next_time() {
    let (folder, store) = filled(3, 5, 5);
    let claimed = store
        .ask(|writer| {
            writer.with_owner(|connection, owner| {
                let claimed = removal::claim_one(connection, owner.no, 1)?;
                connection.execute("DELETE FROM task_runs WHERE run = 1 AND id < 3", [])?;
                Ok(claimed)
            })
        })
        .unwrap();
    assert_eq!(claimed.len(), 1);
    let id = store.flow_runs(&filter(""), None, 3).unwrap().runs[2].id;
    assert!(matches!(store.take_over(id), Err(StoreError::Owned { .. })), "somebody else goes on with it");
    drop(store);
    let store = SqliteStore::open(folder.path().join("runs.db")).unwrap();
    assert_eq!(store.flow_run(id).unwrap().unwrap().state, State::Completed);
    let keep = Retention { newest: Some(0), ..Retention::default() };
    assert_eq!(store.prune(keep).unwrap().flow_runs, 3);
    let left = |table: &str| {
        let count = format!("SELECT count(*) FROM {table}");
        store.readers.read_one(&count, [], |row| row.get::<_, i64>(0)).unwrap()
    };
    for table in ["flow_runs", "task_runs", "logs", "flow_run_tags", "log_words"] {
        assert_eq!(left(table), Some(0), "{table}");
    }
}
