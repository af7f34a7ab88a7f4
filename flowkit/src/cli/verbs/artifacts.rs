//! `artifacts`: lists the artifacts of a run and of its sub-flows, or shows one. Not results: those are what tasks pass
//! to each other.

use std::collections::HashSet;
use std::io::IsTerminal as _;

use clap::ArgMatches;
use serde_json::value::RawValue;

use crate::cli::json;
use crate::cli::out::{note, print_bytes, print_line, print_lines, table};
use crate::cli::rows::{self, Member};
use crate::cli::session::Session;
use crate::cli::usage::{Usage, UsageResult, meant_or_known};
use crate::model::{ArtifactKind, FlowRunId, StoredArtifact, StoredFlowRun, TaskRun};
use crate::store::Store;
use crate::terminal::picture::for_shell;
use crate::text::columns::visible;
use crate::text::wording::counted;
use crate::value::json::{Json, members};

/// An artifact, and the task run that made it.
struct ListedArtifact {
    run: FlowRunId,
    by: String,
    artifact: StoredArtifact,
}

pub(super) fn artifacts(session: &Session, matches: &ArgMatches) -> UsageResult<()> {
    let store = session.settings.look_back()?;
    let run = session.run(&store, matches, "run")?;
    let left = all(&store, &run)?;
    match matches.get_one::<String>("key") {
        None => list(session, &store, &run, &left),
        Some(key) => {
            let version = matches.get_one::<u32>("version").copied();
            print(session, &store, &run, find(&run, &left, key, version)?)
        }
    }
}

/// Reads the artifacts of a run, then those of its sub-flows.
fn all(store: &dyn Store, run: &StoredFlowRun) -> UsageResult<Vec<ListedArtifact>> {
    let mut left = Vec::new();
    for Member { run: of, .. } in rows::family(store, run.clone())? {
        let artifacts = rows::artifacts(store, of.id)?;
        let makers = rows::tasks_of(store, of.id, artifacts.iter().map(|artifact| artifact.task_run))?;
        left.extend(artifacts.into_iter().map(|artifact| {
            let by = makers.get(&artifact.task_run).map_or_else(|| of.flow.clone(), TaskRun::label);
            let inside = format!("{by}, in run {} of {}", of.id.short(), of.flow);
            ListedArtifact { run: of.id, by: if of.id == run.id { by } else { inside }, artifact }
        }));
    }
    Ok(left)
}

fn list(
    session: &Session,
    store: &dyn Store,
    run: &StoredFlowRun,
    left: &[ListedArtifact],
) -> UsageResult<()> {
    if session.is_json() {
        left.iter().map(|one| json::artifact(one.run, &one.artifact)).for_each(print_line);
        return Ok(());
    }
    let Some(last) = left.last() else {
        note(format!("run `{}` has left no artifacts", run.id.short()));
        return Ok(());
    };
    // The last version of each is the one to show.
    let mut known = HashSet::new();
    let mut latest: Vec<_> =
        left.iter().rev().filter(|one| known.insert((one.run, &one.artifact.key))).collect();
    latest.reverse();
    let row = |one: &&ListedArtifact| {
        let mut row = described(store, one.run, &one.artifact)?;
        let version = one.artifact.version;
        row.push(if version > 1 { format!("version {version}") } else { String::new() });
        row.push(format!("by {}", visible(&one.by)));
        Ok(row)
    };
    table(&latest.iter().map(row).collect::<UsageResult<Vec<_>>>()?).iter().for_each(print_line);
    let print = session.command(&format!("artifacts {} {}", run.id.short(), for_shell(&last.artifact.key)));
    note(format!("`{print}` prints one of them"));
    Ok(())
}

/// Describes an artifact: its key, its kind, and its length, or the target of a link.
pub(super) fn described(
    store: &dyn Store,
    run: FlowRunId,
    artifact: &StoredArtifact,
) -> UsageResult<Vec<String>> {
    let bytes = usize::try_from(artifact.bytes).unwrap_or(usize::MAX);
    let more = match artifact.kind {
        ArtifactKind::Link => {
            let content = store.artifact(run, artifact.sequence)?.unwrap_or_default();
            visible(&String::from_utf8_lossy(&content))
        }
        _ => counted(bytes, "byte", "bytes"),
    };
    Ok(vec![visible(&artifact.key), artifact.kind.name().to_owned(), more])
}

/// Finds an artifact: its last version, that of the run itself if a sub-flow has the same key.
fn find<'l>(
    run: &StoredFlowRun,
    left: &'l [ListedArtifact],
    key: &str,
    version: Option<u32>,
) -> UsageResult<&'l ListedArtifact> {
    let short = run.id.short();
    let Some(first) = left.iter().find(|one| one.artifact.key == key) else {
        let known = meant_or_known(key, &rows::distinct(left.iter().map(|one| one.artifact.key.as_str())));
        return Err(Usage::new(format!("run `{short}` has no artifact `{key}`; {known}")));
    };
    let versions = || left.iter().filter(|one| one.run == first.run && one.artifact.key == key);
    let wanted = versions().rev().find(|one| version.is_none_or(|version| one.artifact.version == version));
    wanted.ok_or_else(|| {
        let count = counted(versions().count(), "version", "versions");
        Usage::new(format!(
            "run `{short}` has {count} of the artifact `{key}`; leave out `--version` for the last"
        ))
    })
}

fn print(session: &Session, store: &dyn Store, run: &StoredFlowRun, one: &ListedArtifact) -> UsageResult<()> {
    let ListedArtifact { run: of, artifact, .. } = one;
    let key = &artifact.key;
    let gone = || {
        Usage::new(format!(
            "the content of the artifact `{key}` is gone from the database; `db check` looks for damage"
        ))
    };
    let content = store.artifact(*of, artifact.sequence)?.ok_or_else(gone)?;
    let text = String::from_utf8(content);
    let into_file = |reason: &str| {
        let name = artifact.file_name.as_deref().unwrap_or(key);
        let command = session.command(&format!(
            "artifacts {} {} > {}",
            run.id.short(),
            for_shell(key),
            for_shell(name)
        ));
        Err(Usage::new(format!(
            "the artifact `{key}` is {}, {reason}; write it into a file: `{command}`",
            artifact.media_type
        )))
    };
    match text {
        Ok(text) if session.is_json() => {
            let content = content_as_json(artifact.kind, text);
            print_line(json::artifact(*of, artifact).with("content", Some(content)));
        }
        Err(_) if session.is_json() => return into_file("of which JSON has no form"),
        Err(_) if std::io::stdout().is_terminal() => return into_file("which a terminal cannot show"),
        Err(error) => print_bytes(error.as_bytes()),
        Ok(text) => {
            let shown = for_people(artifact.kind, &text);
            if std::io::stdout().is_terminal() {
                // Text from a task must not move the cursor.
                print_lines(&shown.replace('\t', "    "))
            } else {
                print_bytes(format!("{}\n", shown.trim_end_matches('\n')).as_bytes())
            }
        }
    }
    Ok(())
}

fn is_json(kind: ArtifactKind) -> bool {
    matches!(kind, ArtifactKind::Table | ArtifactKind::Dataset | ArtifactKind::Model)
}

fn content_as_json(kind: ArtifactKind, text: String) -> Json {
    let json = is_json(kind).then(|| Json::recorded(&text)).flatten();
    json.unwrap_or_else(|| text.into())
}

fn for_people(kind: ArtifactKind, text: &str) -> String {
    let shown = match kind {
        ArtifactKind::Table => aligned(text),
        kind if is_json(kind) => fields(text),
        _ => None,
    };
    shown.unwrap_or_else(|| text.to_owned())
}

/// Arranges the rows of a table under column names; `None` if they are no objects.
fn aligned(json: &str) -> Option<String> {
    let rows: Vec<&RawValue> = serde_json::from_str(json).ok()?;
    let rows = rows.into_iter().map(|row| members(row.get()).ok()).collect::<Option<Vec<_>>>()?;
    let mut names: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flatten() {
        if !names.contains(&name.as_str()) {
            names.push(name);
        }
    }
    let of = |row: &[(String, &RawValue)]| {
        let cell = |name: &&str| row.iter().find(|(known, _)| known == name).map(|(_, value)| cell(value));
        names.iter().map(|name| cell(name).unwrap_or_default()).collect::<Vec<_>>()
    };
    let head = names.iter().map(|name| visible(name)).collect();
    let rows: Vec<_> = std::iter::once(head).chain(rows.iter().map(|row| of(row))).collect();
    Some(table(&rows).join("\n"))
}

/// Lists the fields of an object.
fn fields(json: &str) -> Option<String> {
    let rows = members(json).ok()?.into_iter().map(|(name, value)| vec![visible(&name), cell(value)]);
    Some(table(&rows.collect::<Vec<_>>()).join("\n"))
}

fn cell(value: &RawValue) -> String {
    match Json::recorded(value.get()) {
        Some(Json::Text(text)) => visible(&text),
        Some(Json::Null) => String::new(),
        _ => visible(value.get()),
    }
}
