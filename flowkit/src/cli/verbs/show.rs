//! `show`: everything about a run with its sub-flows. About one of its tasks: `task_details`; a result: `result`.

use std::collections::BTreeMap;
use std::io::IsTerminal as _;

use clap::ArgMatches;

use super::{artifacts, result, slow, task_details};
use crate::cli::json;
use crate::cli::out::{columns, note, print_line, table};
use crate::cli::outcome;
use crate::cli::rows::{self, Member};
use crate::cli::session::Session;
use crate::cli::shown_values::{Of, show as shown};
use crate::cli::usage::UsageResult;
use crate::engine::spec::FlowSpec;
use crate::model::{ArtifactKind, FlowRunId, StoredArtifact, StoredFlowRun, StoredMetric, iso};
use crate::store::Store;
use crate::terminal::picture::finished;
use crate::terminal::{Line, StyleSupport, artifact_label};
use crate::text::columns;
use crate::text::wording::counted;
use crate::value::json::Json;
use crate::value::shape::ParamType;

/// The greatest width, and that outside a terminal, such as in a pager or a mail.
const COLUMNS: usize = 100;

/// At most this many runs of sub-flows are listed for people.
const SUB_FLOWS_SHOWN: usize = 20;

pub(super) fn show(session: &Session, matches: &ArgMatches) -> UsageResult<()> {
    let store = session.settings.look_back()?;
    let run = session.run(&store, matches, "run")?;
    if let Some(count) = matches.get_one::<u64>("slow") {
        return slow::show(session, &store, &run, usize::try_from(*count).unwrap_or(usize::MAX));
    }
    let family = rows::family(&store, run)?;
    let typed = matches.get_one::<String>("task").map(String::as_str);
    if matches.get_flag("result") {
        return result::show(session, &store, &family, typed);
    }
    match typed {
        Some(typed) => task_details::show(session, &store, &family, typed),
        None if session.is_json() => print_json(session, &store, &family),
        None => print_text(session, &store, &family),
    }
}

fn print_json(session: &Session, store: &dyn Store, family: &[Member]) -> UsageResult<()> {
    for Member { run, .. } in family {
        print_line(json::run(session, run));
        rows::with_tasks(store, run.id, |rows| {
            rows.for_each(|row| print_line(json::task_run(run.id, &row)));
        })?;
        rows::artifacts(store, run.id)?
            .iter()
            .for_each(|artifact| print_line(json::artifact(run.id, artifact)));
        rows::with_metrics(store, run.id, |metrics| {
            metrics.for_each(|metric| print_line(json::metric(run.id, &metric)));
        })?;
    }
    Ok(())
}

/// Shows a run: its parameters, its picture, its sub-flows, and the artifacts and metrics of all.
fn print_text(session: &Session, store: &dyn Store, family: &[Member]) -> UsageResult<()> {
    let [outermost, inner @ ..] = family else { return Ok(()) };
    let run = &outermost.run;
    print_line(head(run));
    if let Some((outer, _)) = run.parent {
        print_line(format!("  a sub-flow of run {}", outer.short()));
    }
    if let Some(origin) = origin(run) {
        print_line(origin);
    }
    let row = |(name, value): (String, String)| vec![format!("  {name}"), columns::shortened(&value, 200)];
    let parameters: Vec<_> = parameters(session, run).into_iter().map(row).collect();
    table(&parameters).iter().for_each(print_line);
    let view = rows::view(store, family)?;
    let style = StyleSupport::from_env(std::io::stdout().is_terminal());
    let width = columns().map_or(COLUMNS, |columns| columns.min(COLUMNS));
    let drawn = finished(&view, width, &session.offers_for(run).shown());
    drawn.iter().map(|line| style.painted(line)).for_each(print_line);
    let drawn: Vec<String> = drawn.iter().map(Line::plain).collect();
    let mut lines: Vec<Vec<String>> = inner.iter().take(SUB_FLOWS_SHOWN).map(sub_flow).collect();
    for member in family {
        // Artifacts that the picture shows with their task are not repeated.
        let is_drawn = |artifact: &StoredArtifact| {
            let label = artifact_label(&artifact.key, artifact.kind, artifact.file_name.as_deref());
            let is_hidden = artifact.kind == ArtifactKind::Link && !style.links;
            !is_hidden && drawn.iter().any(|line| line.contains(&label))
        };
        lines.extend(facts(store, member, is_drawn)?);
    }
    table(&lines).iter().for_each(print_line);
    let more = inner.len().saturating_sub(SUB_FLOWS_SHOWN);
    if more > 0 {
        let all = session.command(&format!("show {} --output json", run.id.short()));
        note(format!("{more} more runs of sub-flows: `{all}`"));
    }
    Ok(())
}

/// The line of a sub-flow's run: its id leads to everything about it.
fn sub_flow(member: &Member) -> Vec<String> {
    let Member { run, path } = member;
    let took = run.duration().map(|took| format!(" in {}", columns::duration(took))).unwrap_or_default();
    vec![
        "   sub-flow".to_owned(),
        columns::visible(path.as_deref().unwrap_or(&run.flow)),
        format!("run {}", run.id.short()),
        format!("{} {}{took}", outcome::sign(run), outcome::words(run)),
    ]
}

/// The artifacts and metrics of a run: the latest of each key and name.
fn facts(
    store: &dyn Store,
    member: &Member,
    is_drawn: impl Fn(&StoredArtifact) -> bool,
) -> UsageResult<Vec<Vec<String>>> {
    let run = member.run.id;
    let inside = member.path.as_ref().map(|path| format!("in {}", columns::visible(path)));
    let mut lines = Vec::new();
    let artifacts: BTreeMap<String, StoredArtifact> =
        rows::artifacts(store, run)?.into_iter().map(|artifact| (artifact.key.clone(), artifact)).collect();
    for artifact in artifacts.values().filter(|artifact| !is_drawn(artifact)) {
        let mut row = vec!["   artifact".to_owned()];
        row.extend(artifacts::described(store, run, artifact)?);
        row.extend(inside.clone());
        lines.push(row);
    }
    for (name, value) in last_metrics(store, run)? {
        let mut row = vec!["   metric".to_owned(), columns::visible(&name), columns::number(value)];
        row.extend(inside.clone());
        lines.push(row);
    }
    Ok(lines)
}

/// Returns the last value of each metric of a run.
pub(super) fn last_metrics(store: &dyn Store, run: FlowRunId) -> UsageResult<BTreeMap<String, f64>> {
    rows::with_metrics(store, run, |metrics| {
        metrics.map(|StoredMetric { name, value, .. }| (name, value)).collect()
    })
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

/// Whose flow it is, and which program began it: digests by their beginning, as git shows them.
fn origin(run: &StoredFlowRun) -> Option<String> {
    let short = |digest: &str| digest.chars().take(12).collect::<String>();
    let is_commit =
        |revision: &str| revision.len() >= 40 && revision.bytes().all(|byte| byte.is_ascii_hexdigit());
    let revision = run.revision.as_deref().map(|revision| match is_commit(revision) {
        true => short(revision),
        false => columns::shortened(&columns::visible(revision), 40),
    });
    let parts = [
        ("owner", run.owner.as_deref().map(columns::visible)),
        ("version", run.version.as_deref().map(columns::visible)),
        ("revision", revision),
        ("program", run.program.map(|digest| short(&digest.to_string()))),
    ];
    let parts: Vec<_> =
        parts.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value?))).collect();
    (!parts.is_empty()).then(|| format!("  {}", parts.join(" · ")))
}

/// The persisted parameters of a run, with values as people would write them: they contain no secrets.
pub(super) fn parameters(session: &Session, run: &StoredFlowRun) -> Vec<(String, String)> {
    let persisted = run.parameters.as_deref().and_then(Json::recorded).and_then(Json::into_object);
    let known = session.program.flow_of(&run.path).map(FlowSpec::all_parameters).unwrap_or_default();
    let param_type = |name: &str| {
        known.iter().find(|known| known.name == name).map_or(&ParamType::Anything, |known| &known.param_type)
    };
    let shown = |(name, value): (String, Json)| {
        let value = columns::visible(&shown(param_type(&name), &value, Of::Recorded));
        (name, value)
    };
    let mut all: Vec<_> = persisted.unwrap_or_default().into_iter().map(shown).collect();
    // In the order of the flow; parameters that it no longer has are last.
    all.sort_by_key(|(name, _)| known.iter().position(|known| known.name == name).unwrap_or(known.len()));
    all
}
