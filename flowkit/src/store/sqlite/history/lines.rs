//! Log lines of one run, and the search in them.

use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::super::codes;
use super::choose::Query;
use super::{clamped, signed, text_value};
use crate::model::{FlowRunId, StoredLog, WallTime};
use crate::store::LogFilter;
use crate::store::words::Words;

const LINE: &str = "SELECT l.seq, l.task_run, l.at, l.level, l.target, l.message FROM logs l";

/// The words come first: few lines match. Both tables are numbered in the same order.
const LINE_WITH_WORDS: &str = "SELECT l.seq, l.task_run, l.at, l.level, l.target, l.message
    FROM log_words w CROSS JOIN logs l ON l.no = w.rowid";

/// The range of a run's lines among those of all runs.
pub(super) struct LinePosition {
    pub(super) run: i64,
    pub(super) first: i64,
    pub(super) last: i64,
}

pub(super) fn read(
    connection: &Connection,
    run: FlowRunId,
    filter: &LogFilter,
    since: u64,
    limit: usize,
) -> rusqlite::Result<Vec<StoredLog>> {
    let Some(place) = place(connection, run, clamped(since))? else { return Ok(Vec::new()) };
    let question = question(&place, filter, clamped(since), limit);
    let mut statement = connection.prepare_cached(&question.sql)?;
    statement.query_map(question.values(), line)?.collect()
}

pub(super) fn question(place: &LinePosition, filter: &LogFilter, since: i64, limit: usize) -> Query {
    let words = filter.text.as_deref().map(Words::of);
    let (line, order) = match &words {
        Some(Words::All(_)) => (LINE_WITH_WORDS, " ORDER BY w.rowid LIMIT ?"),
        Some(Words::Verbatim(_)) | None => (LINE, " ORDER BY l.seq LIMIT ?"),
    };
    let mut question = Query::new(line);
    match words {
        Some(Words::All(words)) => {
            question.and("w.log_words MATCH ?", [Value::from(in_any_order(&words))]);
            // The index has the lines of all runs; those of this one are between its first and its last.
            question.and("w.rowid BETWEEN ? AND ?", [place.first.into(), place.last.into()]);
        }
        Some(Words::Verbatim(text)) => question.and("instr(l.message, ?) > 0", [text_value(&text)]),
        None => {}
    }
    question.and("l.run = ?", [place.run.into()]);
    question.and("l.seq > ?", [since.into()]);
    question.any_of("l.task_run", filter.task_run.into_iter().map(|id| codes::number(id).into()));
    if let Some(level) = filter.level {
        question.and("l.level >= ?", [codes::level_code(level).into()]);
    }
    question.end(order, [signed(limit).into()]);
    question
}

/// Writes words in the query language of the index: each in quotation marks, so that none is an operator, and with a
/// star, so that it matches as a prefix. A word has letters and digits only.
fn in_any_order(words: &[String]) -> String {
    words.iter().map(|word| format!("\"{word}\"*")).collect::<Vec<_>>().join(" ")
}

/// Finds the lines after `since`; `None` if there are none.
fn place(connection: &Connection, run: FlowRunId, since: i64) -> rusqlite::Result<Option<LinePosition>> {
    connection
        .prepare_cached(
            "SELECT f.no,
                 (SELECT no FROM logs WHERE run = f.no AND seq > ?2 ORDER BY seq LIMIT 1),
                 (SELECT no FROM logs WHERE run = f.no ORDER BY seq DESC LIMIT 1)
             FROM flow_runs f WHERE f.id = ?1",
        )?
        .query_row(params![run.as_uuid().as_bytes(), since], |row| {
            let (first, last): (Option<i64>, Option<i64>) = (row.get(1)?, row.get(2)?);
            let run = row.get(0)?;
            Ok(first.zip(last).map(|(first, last)| LinePosition { run, first, last }))
        })
        .optional()
        .map(Option::flatten)
}

fn line(row: &Row<'_>) -> rusqlite::Result<StoredLog> {
    Ok(StoredLog {
        sequence: row.get::<_, i64>(0)?.cast_unsigned(),
        task_run: codes::task_run(row.get(1)?),
        at: WallTime::from_micros(row.get(2)?),
        level: codes::level(row.get(3)?)?,
        target: row.get(4)?,
        message: row.get(5)?,
    })
}
