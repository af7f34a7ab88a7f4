//! `resume`, `retry` and `rerun` with `--dry-run`: what would be kept and what would run again, from the record. It changes
//! nothing.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::json;

use crate::cli::json::line;
use crate::cli::out::{say, table};
use crate::cli::rows::{self, Nested};
use crate::cli::session::Session;
use crate::cli::usage::{Outcome, Usage};
use crate::graph::style::glyph;
use crate::model::{Identity, State, StoredFlowRun, TaskRun};
use crate::policy::resume::preview::{flow_runs, outlook};
use crate::policy::resume::{Chosen, Redo, RedoRequest, ReplayDecision, older_source};
use crate::store::Store;
use crate::terminal::folded::Folded;
use crate::terminal::picture::for_shell;
use crate::text::columns::visible;

/// How the calls of a task in one body fare.
#[derive(Debug, Default)]
struct CallsPreview {
    task: String,
    depth: usize,
    kept: usize,
    runs: usize,
    /// They were skipped; the flow, or their inputs, decide that again.
    open: usize,
    /// They have failed for good, and fail again without running.
    fails: usize,
    /// Why its calls cannot be told apart, if they cannot.
    not_compared: Option<String>,
    /// What was recorded of those that are not kept.
    was: BTreeMap<&'static str, usize>,
    /// Why results of those that run again are not persisted.
    not_persisted: BTreeSet<String>,
    /// How many of those that are kept come from other code than was run last.
    older: usize,
    /// What is done again for them: the task itself, or the sub-flow around it.
    from: String,
}

impl CallsPreview {
    fn add(&mut self, row: &TaskRun, standing: ReplayDecision, is_older: bool) {
        self.older += usize::from(is_older && standing == ReplayDecision::Keep);
        match standing {
            ReplayDecision::Keep | ReplayDecision::Cancelled => self.kept += 1,
            ReplayDecision::Again if row.state == State::Skipped => self.open += 1,
            ReplayDecision::Again => self.runs += 1,
            ReplayDecision::Replay | ReplayDecision::Poison | ReplayDecision::UnknownOutcome => {
                self.fails += 1
            }
        }
        if let Some(argument) = &row.unknown {
            self.not_compared.get_or_insert_with(|| Identity::words(row.kind, &row.task, argument));
        }
        if standing == ReplayDecision::Again && row.state.is_success() {
            self.not_persisted.extend(row.not_persisted.clone());
        }
        if !matches!(standing, ReplayDecision::Keep | ReplayDecision::Cancelled) {
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

/// Says how many there are of each kind; no number where there is one kind only.
fn listed(kinds: impl IntoIterator<Item = (usize, &'static str)>) -> String {
    let kinds: Vec<_> = kinds.into_iter().filter(|(count, _)| *count > 0).collect();
    let one = |(count, word): &(usize, &'static str)| match kinds.len() {
        1 => (*word).to_owned(),
        _ => format!("{count} {word}"),
    };
    kinds.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// Says what `verb` would do about a run. `said` is what was said of what to do again.
pub(super) fn preview(
    session: &Session,
    store: &dyn Store,
    verb: &str,
    run: &StoredFlowRun,
    said: Option<Redo>,
) -> Outcome<()> {
    let (short, state) = (run.id.short(), run.state);
    if !state.can_reopen() {
        return Err(Usage::new(format!(
            "run `{short}` is {}, so somebody runs it; `{}` shows how it ends",
            state.name(),
            session.command(&format!("watch {short}"))
        )));
    }
    let asked = match said {
        Some(redo) => redo.into(),
        None => RedoRequest::of(run, store.redo_request(run.id)?),
    };
    let fates = look(store, run, &asked)?;
    match (session.is_json(), flow_runs(run, &asked)) {
        (true, flow_runs) => lines_of(verb, run, &fates, flow_runs),
        (false, false) => {
            say(format!("run {short} is {}: `{verb}` would give its result, and run nothing", state.name()));
        }
        (false, true) => words_of(verb, run, &fates),
    }
    Ok(())
}

/// Returns how many task runs are kept, run, and fail again.
fn sums(fates: &Folded<CallsPreview>) -> (usize, usize, usize) {
    let sum = |of: fn(&CallsPreview) -> usize| fates.iter().map(of).sum::<usize>();
    (sum(|fate| fate.kept), sum(|fate| fate.runs), sum(|fate| fate.fails))
}

fn lines_of(verb: &str, run: &StoredFlowRun, fates: &Folded<CallsPreview>, flow_runs: bool) {
    for fate in fates.in_order() {
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
        } = fate;
        let fields = json!({
            "task": task, "depth": depth, "kept": kept, "runs": runs, "open": open, "fails": fails,
            "not_compared": not_compared, "was": was,
            "not_persisted": (!not_persisted.is_empty()).then_some(not_persisted),
            "older_source": older,
        });
        say(line("preview.task", Some(run.id), fields));
    }
    let (kept, runs, fails) = sums(fates);
    let fields = json!({
        "verb": verb, "flow": run.flow, "state": run.state, "flow_runs": flow_runs,
        "kept": kept, "runs": runs, "fails": fails,
    });
    say(line("preview", Some(run.id), fields));
}

fn words_of(verb: &str, run: &StoredFlowRun, fates: &Folded<CallsPreview>) {
    say(format!(
        "run {} of `{}` is {}; `{verb}` would run its body again, and of what it calls:",
        run.id.short(),
        run.flow,
        run.state.name()
    ));
    let rows = fates.in_order().map(|fate| {
        let times = fate.kept + fate.runs + fate.open + fate.fails;
        let times = if times == 1 { String::new() } else { format!(" ×{times}") };
        let indent = "  ".repeat(fate.depth);
        let task = format!("  {indent}{} {}{times}", fate.glyph(), visible(&fate.task));
        vec![task, fate.words(), fate.before()]
    });
    table(&rows.collect::<Vec<_>>()).iter().for_each(say);
    let not_compared: BTreeSet<_> = fates.iter().filter_map(|fate| fate.not_compared.as_ref()).collect();
    not_compared.iter().for_each(|words| say(format!("  {}", visible(words))));
    let mut older = BTreeMap::<_, usize>::new();
    for fate in fates.iter().filter(|fate| fate.older > 0) {
        *older.entry((&fate.task, &fate.from)).or_default() += fate.older;
    }
    for ((task, from), results) in older {
        let from = for_shell(from);
        say(format!("  {}", visible(&older_source(task, results, Some(&from)))));
    }
    let (kept, runs, fails) = sums(fates);
    let fails = match fails {
        0 => String::new(),
        1 => ", 1 fails as before".to_owned(),
        more => format!(", {more} fail as before"),
    };
    say(format!(
        "{kept} kept, {runs} to run{fails}; what it calls beyond that, or with other inputs, runs as well"
    ));
    say("nothing was changed: leave out `--dry-run` to do it");
}

/// Looks through the record of a run and of those of its sub-flows that would run again.
fn look(store: &dyn Store, run: &StoredFlowRun, asked: &RedoRequest) -> Outcome<Folded<CallsPreview>> {
    let mut folded = Folded::<CallsPreview>::new();
    let mut sources = HashMap::new();
    let mut nested = Nested::of([(run.clone(), asked.clone(), None)]);
    while let Some((run, asked, around)) = nested.pop() {
        let rows = rows::tasks(store, run.id)?;
        let mut groups = HashMap::new();
        let wanted = Chosen::of(&rows, &asked.redo);
        for (row, standing) in outlook(&run, &rows, &asked) {
            let parent = groups.get(&row.parent).copied().or(around);
            // A sub-flow is done again as a whole, by the name of its node in the outermost run.
            let from = around.map_or_else(|| row.task.to_string(), |around| folded[around].from.clone());
            let new =
                |depth| CallsPreview { task: row.task.to_string(), depth, from, ..CallsPreview::default() };
            let group = folded.group(parent, &row.task, new);
            groups.insert(row.id, group);
            let is_older = standing == ReplayDecision::Keep && {
                let last = match sources.get(&row.path) {
                    Some(last) => *last,
                    None => *sources.entry(row.path.clone()).or_insert(store.last_source(&row.path)?),
                };
                last.is_some_and(|last| last != row.source_hash)
            };
            folded[group].add(row, standing, is_older);
            if standing == ReplayDecision::Again
                && let Some(inner) = row.flow_run
                && let Some(inner) = store.flow_run(inner)?
            {
                nested.add([(inner, asked.inside(row.id, &wanted), Some(group))]);
            }
        }
    }
    Ok(folded)
}
