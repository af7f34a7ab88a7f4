//! `show --result`: the persisted results of task runs, or of the flow itself, as JSON. Not artifacts: those are for people.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use serde_json::json;
use serde_json::value::RawValue;

use crate::cli::json::line;
use crate::cli::out::{note, print_json, print_line, print_lines};
use crate::cli::rows::{self, Member};
use crate::cli::session::Session;
use crate::cli::task_ref;
use crate::cli::usage::{Usage, UsageResult};
use crate::model::{FlowRunId, TaskRun, TaskRunId};
use crate::store::Store;
use crate::terminal::picture::for_shell;
use crate::text::wording::bounded_to;
use crate::value::envelope::HEADER_BYTES;
use crate::value::json::members;
use crate::value::secret::{MASK, is_name_of_one};

/// A terminal shows at most this many bytes of a result: a few hundred lines.
const SHOWN_MAX: usize = 16 << 10;

/// Shows the results of the task runs that were meant, or that of the run itself.
pub(super) fn show(
    session: &Session,
    store: &dyn Store,
    family: &[Member],
    typed: Option<&str>,
) -> UsageResult<()> {
    let outermost = &family[0];
    let Some(typed) = typed else {
        let (run, row) = (&outermost.run, outermost.run.as_task_run());
        let all = session.command(&format!("show {} --result", run.id.short()));
        return match of(store, run.id, &row)? {
            Ok(json) => print(session, run.id, &row, &outermost.run.flow, &json, &all, false),
            Err(why) => Err(Usage::new(why)),
        };
    };
    let chosen = task_ref::tasks(store, family, typed)?;
    let mut missing = Vec::new();
    let mut printed = 0;
    for chosen in &chosen {
        let run = chosen.member.run.id;
        rows::with_tasks_in(store, run, &chosen.filter, |rows| {
            let mut rows = rows.peekable();
            while let Some(row) = rows.next() {
                let label = chosen.member.label(&row.label());
                // Of several results, each has a head.
                let is_one = printed == 0 && rows.peek().is_none();
                let all = session.command(&format!(
                    "show {} {} --result",
                    outermost.run.id.short(),
                    for_shell(&label)
                ));
                match of(store, run, &row)? {
                    Ok(json) => print(session, run, &row, &label, &json, &all, !is_one)?,
                    Err(why) => {
                        missing.push(why);
                        continue;
                    }
                }
                printed += 1;
            }
            UsageResult::Ok(())
        })??;
    }
    match missing.pop() {
        Some(why) if printed == 0 && missing.is_empty() => Err(Usage::new(why)),
        last => {
            missing.into_iter().chain(last).for_each(note);
            Ok(())
        }
    }
}

/// Returns the persisted result of a task run as JSON, or why there is none.
fn of(store: &dyn Store, run: FlowRunId, row: &TaskRun) -> UsageResult<Result<String, String>> {
    let envelope = match (store.result(run, row.id)?, row.flow_run) {
        // The result of a sub-flow is that of its own run.
        (None, Some(behind)) => store.result(behind, TaskRunId::FLOW)?,
        (envelope, _) => envelope,
    };
    let label = row.label();
    let Some(envelope) = envelope else {
        let why = match &row.not_persisted {
            _ if !row.state.is_success() => format!("it is {}", row.state.name()),
            Some(reason) => format!("it is not persisted: {reason}"),
            None => {
                "it is not persisted: its type is not `Serialize` and `Deserialize`, or its attribute says so"
                    .to_owned()
            }
        };
        return Ok(Err(format!("there is no result of `{label}`; {why}")));
    };
    // The store has compared the checksum.
    let payload = envelope.get(HEADER_BYTES..).and_then(|payload| std::str::from_utf8(payload).ok());
    let payload = payload.and_then(|payload| serde_json::from_str::<&RawValue>(payload).ok());
    let damaged = || format!("the result of `{label}` is damaged; `db check` looks for damage");
    Ok(payload.map(|payload| payload.get().to_owned()).ok_or_else(damaged))
}

/// Prints a result; `all` is the command that prints all of it into a pipe or a file.
fn print(
    session: &Session,
    run: FlowRunId,
    row: &TaskRun,
    label: &str,
    result: &str,
    all: &str,
    has_head: bool,
) -> UsageResult<()> {
    if session.is_json() {
        let fields = json!({ "task_run": row.id, "label": label });
        // Copied unread: a number keeps all of its digits.
        let mut line = line("result", Some(run), fields).to_string();
        let _brace = line.pop();
        print_json(format!("{line},\"value\":{}}}", written(result, false)));
        return Ok(());
    }
    if has_head {
        print_line(format!("{label}:"));
    }
    if !std::io::stdout().is_terminal() {
        print_json(written(result, false));
        return Ok(());
    }
    let pretty = written(result, true);
    let is_cut = pretty.len() > SHOWN_MAX;
    print_lines(&bounded_to(SHOWN_MAX, pretty));
    if is_cut {
        note(format!("`{all} > result.json` writes all of it"));
    }
    Ok(())
}

/// Writes JSON on one line, or with a line for each member. Text under the name of a secret is masked: its type is no `Secret`.
fn written(json: &str, is_pretty: bool) -> String {
    let mut out = String::with_capacity(json.len());
    if let Ok(value) = serde_json::from_str::<&RawValue>(json) {
        write(&mut out, value.get(), None, is_pretty.then_some(0));
    }
    out
}

/// Writes a value, which is a member of this name; `depth` is that of the lines, if there are several.
fn write(out: &mut String, json: &str, name: Option<&str>, depth: Option<usize>) {
    let inner = depth.map(|depth| depth + 1);
    if let Ok(members) = members(json) {
        let parts = members.iter().map(|(name, value)| (Some(name.as_str()), *value));
        between(out, ['{', '}'], parts, inner);
    } else if let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) {
        between(out, ['[', ']'], items.into_iter().map(|value| (None, value)), inner);
    } else if json.starts_with('"') && name.is_some_and(is_name_of_one) {
        let _ = write!(out, "\"{MASK}\"");
    } else {
        out.push_str(json);
    }
}

fn between<'j>(
    out: &mut String,
    [open, close]: [char; 2],
    parts: impl Iterator<Item = (Option<&'j str>, &'j RawValue)>,
    depth: Option<usize>,
) {
    let new_line = |out: &mut String, depth: usize| {
        out.push('\n');
        out.extend(std::iter::repeat_n("  ", depth));
    };
    out.push(open);
    let mut is_empty = true;
    for (name, value) in parts {
        if !std::mem::take(&mut is_empty) {
            out.push(',');
        }
        if let Some(depth) = depth {
            new_line(out, depth);
        }
        if let Some(name) = name {
            out.push_str(&serde_json::Value::from(name).to_string());
            out.push_str(if depth.is_some() { ": " } else { ":" });
        }
        write(out, value.get(), name, depth);
    }
    if let Some(depth) = depth.filter(|_| !is_empty) {
        new_line(out, depth - 1);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_is_written_with_all_of_its_digits_and_without_what_is_named_like_a_secret() {
        let json = r#"{"n":170141183460469231731687303715884105727,"empty":[],"list":[1,{"token":"t","a\nb":"\u001b"}]}"#;
        let line = r#"{"n":170141183460469231731687303715884105727,"empty":[],"list":[1,{"token":"***","a\nb":"\u001b"}]}"#;
        assert_eq!(written(json, false), line);
        let pretty = written(r#"{"a":{},"list":[1,{"b":2.50}]}"#, true);
        assert_eq!(pretty, "{\n  \"a\": {},\n  \"list\": [\n    1,\n    {\n      \"b\": 2.50\n    }\n  ]\n}");
        assert_eq!((written("3", true), written("null", false)), ("3".to_owned(), "null".to_owned()));
    }
}
