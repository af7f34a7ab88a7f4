//! `resume`, `retry` and `rerun` with `--dry-run`: which results would be reused and what would run again, read from the record.
//! Changes nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;

use crate::cli::json::line;
use crate::cli::out::{print_line, table};
use crate::cli::rows::{self, Nested};
use crate::cli::session::Session;
use crate::cli::usage::{Usage, UsageResult};
use crate::graph::style::glyph;
use crate::model::{Identity, State, StoredFlowRun, TaskRun};
use crate::policy::resume::preview::decisions;
use crate::policy::resume::{RedoRequest, RedoRows, RedoScope, ReplayDecision, decide_flow, older_source};
use crate::store::Store;
use crate::terminal::folded::Folded;
use crate::terminal::picture::for_shell;
use crate::text::columns::visible;
use crate::text::wording::list;

/// At most this many tasks are named.
const NAMED_MAX: usize = 5;

/// What would become of the calls of one task in one body.
#[derive(Debug, Default)]
struct CallsPreview {
    task: String,
    depth: usize,
    kept: usize,
    runs: usize,
    /// Skipped calls: the flow, or their inputs, decide again whether they run.
    open: usize,
    /// Calls that have failed for good, and fail again without running.
    fails: usize,
    /// Why the calls cannot be told apart, if so.
    not_compared: Option<String>,
    /// The recorded states of the calls that are not kept.
    was: BTreeMap<&'static str, usize>,
    /// Why the results of calls that run again were not persisted.
    not_persisted: BTreeSet<String>,
    /// How many of the kept results come from older code than was run last.
    older: usize,
    /// What to rerun for newer results: the task itself, or the sub-flow around it.
    from: String,
}

impl CallsPreview {
    fn add(&mut self, row: &TaskRun, decision: ReplayDecision, is_older: bool) {
        self.older += usize::from(is_older);
        let is_kept = matches!(decision, ReplayDecision::Reuse | ReplayDecision::CancelAgain);
        match decision {
            _ if is_kept => self.kept += 1,
            ReplayDecision::RunAgain if row.state == State::Skipped => self.open += 1,
            ReplayDecision::RunAgain => self.runs += 1,
            _ => self.fails += 1,
        }
        if let Some(argument) = &row.unknown {
            self.not_compared.get_or_insert_with(|| Identity::words(row.kind, &row.task, argument));
        }
        if decision == ReplayDecision::RunAgain && row.state.is_success() {
            self.not_persisted.extend(row.not_persisted.clone());
        }
        if !is_kept {
            *self.was.entry(row.state.name()).or_default() += 1;
        }
    }

    fn glyph(&self) -> &'static str {
        glyph(match self {
            Self { runs: 1.., .. } => State::AwaitingRetry,
            Self { fails: 1.., .. } => State::Failed,
            Self { open: 1.., .. } => State::Skipped,
            _ => State::Completed,
        })
    }

    fn words(&self) -> String {
        let words = [
            (self.kept, "kept", "kept"),
            (self.runs, "runs", "run"),
            (self.open, "is decided again", "are decided again"),
            (self.fails, "fails again", "fail again"),
        ];
        let words = words.map(|(count, one, more)| (count, if count == 1 { one } else { more }));
        listed(words)
    }

    fn before(&self) -> String {
        let was = listed(self.was.iter().map(|(state, count)| (*count, *state)));
        if was.is_empty() {
            return was;
        }
        let why = self.not_persisted.iter().map(|reason| format!("; not persisted: {}", visible(reason)));
        format!("was {was}{}", why.collect::<String>())
    }
}

/// Lists the count of each kind; without a number if there is only one kind.
fn listed(kinds: impl IntoIterator<Item = (usize, &'static str)>) -> String {
    let kinds: Vec<_> = kinds.into_iter().filter(|(count, _)| *count > 0).collect();
    let one = |(count, word): &(usize, &'static str)| match kinds.len() {
        1 => (*word).to_owned(),
        _ => format!("{count} {word}"),
    };
    kinds.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Prints what `verb` would do with a run. `redo` is what the command line asks to run again.
pub(super) fn preview(
    session: &Session,
    store: &dyn Store,
    verb: &str,
    run: &StoredFlowRun,
    redo: Option<RedoScope>,
) -> UsageResult<()> {
    let (short, state) = (run.id.short(), run.state);
    if !state.can_reopen() {
        return Err(Usage::new(format!(
            "run `{short}` is {}, so a process is running it; `{}` shows how it ends",
            state.name(),
            session.command(&format!("watch {short}"))
        )));
    }
    let request = match redo {
        Some(scope) => scope.into(),
        None => RedoRequest::by_default(run, store.redo_request(run.id)?),
    };
    let (calls, elsewhere) = previews(store, run, &request)?;
    let flow_runs = decide_flow(run, &request) == ReplayDecision::RunAgain;
    if session.is_json() {
        print_json(verb, run, &calls, flow_runs, &elsewhere);
    } else if flow_runs {
        print_text(verb, run, &calls, &elsewhere);
    } else {
        print_line(format!(
            "run {short} is {}: `{verb}` would give its result, and run nothing",
            state.name()
        ));
    }
    Ok(())
}

/// Returns the names of the tasks that a rerun retries only because they failed.
pub(super) fn failed_elsewhere(rows: &[TaskRun], redo: &RedoRows) -> Vec<String> {
    let failed = rows.iter().filter(|row| redo.only_failed.contains(&row.id));
    rows::distinct(failed.map(|row| &*row.task)).into_iter().map(str::to_owned).collect()
}

/// Says so, if there are any.
pub(super) fn words_elsewhere(names: &[String]) -> Option<String> {
    let named = list(names.iter().take(NAMED_MAX).map(|name| visible(name)));
    let more = if names.len() > NAMED_MAX { ", …" } else { "" };
    (!names.is_empty()).then(|| format!("what failed elsewhere is retried as well: {named}{more}"))
}

/// Returns how many task runs are kept, run, and fail again.
fn sums(calls: &Folded<CallsPreview>) -> (usize, usize, usize) {
    let sum = |of: fn(&CallsPreview) -> usize| calls.iter().map(of).sum::<usize>();
    (sum(|calls| calls.kept), sum(|calls| calls.runs), sum(|calls| calls.fails))
}

fn print_json(
    verb: &str,
    run: &StoredFlowRun,
    calls: &Folded<CallsPreview>,
    flow_runs: bool,
    elsewhere: &[String],
) {
    for group in calls.in_order() {
        let CallsPreview {
            task,
            depth,
            kept,
            runs,
            open,
            fails,
            not_compared,
            was,
            not_persisted,
            older,
            ..
        } = group;
        let fields = json!({
            "task": task, "depth": depth, "kept": kept, "runs": runs, "open": open, "fails": fails,
            "not_compared": not_compared, "was": was,
            "not_persisted": (!not_persisted.is_empty()).then_some(not_persisted),
            "older_source": older,
        });
        print_line(line("preview.task", Some(run.id), fields));
    }
    let (kept, runs, fails) = sums(calls);
    let fields = json!({
        "verb": verb, "flow": run.flow, "state": run.state, "flow_runs": flow_runs,
        "kept": kept, "runs": runs, "fails": fails,
        "failed_elsewhere": (!elsewhere.is_empty()).then_some(elsewhere),
    });
    print_line(line("preview", Some(run.id), fields));
}

fn print_text(verb: &str, run: &StoredFlowRun, calls: &Folded<CallsPreview>, elsewhere: &[String]) {
    print_line(format!(
        "run {} of `{}` is {}; `{verb}` would run its body again, and of what it calls:",
        run.id.short(),
        run.flow,
        run.state.name()
    ));
    let rows = calls.in_order().map(|group| {
        let times = group.kept + group.runs + group.open + group.fails;
        let times = if times == 1 { String::new() } else { format!(" ×{times}") };
        let indent = "  ".repeat(group.depth);
        let task = format!("  {indent}{} {}{times}", group.glyph(), visible(&group.task));
        vec![task, group.words(), group.before()]
    });
    table(&rows.collect::<Vec<_>>()).iter().for_each(print_line);
    let not_compared: BTreeSet<_> = calls.iter().filter_map(|group| group.not_compared.as_ref()).collect();
    not_compared.iter().for_each(|words| print_line(format!("  {}", visible(words))));
    let mut older = BTreeMap::<_, usize>::new();
    for group in calls.iter().filter(|group| group.older > 0) {
        *older.entry((&group.task, &group.from)).or_default() += group.older;
    }
    for ((task, from), results) in older {
        let from = for_shell(from);
        print_line(format!("  {}", visible(&older_source(task, results, Some(&from)))));
    }
    words_elsewhere(elsewhere).into_iter().for_each(|words| print_line(format!("  {words}")));
    let (kept, runs, fails) = sums(calls);
    let fails = match fails {
        0 => String::new(),
        1 => ", 1 fails as before".to_owned(),
        more => format!(", {more} fail as before"),
    };
    print_line(format!(
        "{kept} kept, {runs} to run{fails}; what it calls beyond that, or with other inputs, runs as well"
    ));
    print_line("nothing was changed: leave out `--dry-run` to do it");
}

/// Collects the decisions about a run and those of its sub-flows that would run again, grouped by task; and what is retried
/// only because it failed.
fn previews(
    store: &dyn Store,
    run: &StoredFlowRun,
    request: &RedoRequest,
) -> UsageResult<(Folded<CallsPreview>, Vec<String>)> {
    let mut elsewhere = Vec::new();
    let mut folded = Folded::<CallsPreview>::new();
    let mut sources = HashMap::new();
    let mut nested = Nested::of([(run.clone(), request.clone(), None)]);
    while let Some((run, request, around)) = nested.pop() {
        let rows = rows::tasks(store, run.id)?;
        let mut groups = HashMap::new();
        let redo = RedoRows::select(&rows, &request.scope);
        if around.is_none() {
            elsewhere = failed_elsewhere(&rows, &redo);
        }
        for (row, decision) in decisions(&run, &rows, &request) {
            let parent = groups.get(&row.parent).copied().or(around);
            // A sub-flow is rerun as a whole, by the name of its node in the outermost run.
            let from = around.map_or_else(|| row.task.to_string(), |around| folded[around].from.clone());
            let new =
                |depth| CallsPreview { task: row.task.to_string(), depth, from, ..CallsPreview::default() };
            let group = folded.group(parent, &row.task, new);
            groups.insert(row.id, group);
            let is_older = decision == ReplayDecision::Reuse && {
                let last = match sources.get(&row.path) {
                    Some(last) => *last,
                    None => *sources.entry(row.path.clone()).or_insert(store.last_source(&row.path)?),
                };
                last.is_some_and(|last| last != row.source_hash)
            };
            folded[group].add(row, decision, is_older);
            if decision == ReplayDecision::RunAgain
                && let Some(inner) = row.flow_run
                && let Some(inner) = store.flow_run(inner)?
            {
                nested.add([(inner, request.inside(row.id, &redo), Some(group))]);
            }
        }
    }
    Ok((folded, elsewhere))
}
