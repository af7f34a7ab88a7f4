//! `resume`, `retry` and `rerun` with `--dry-run`: what would be kept and what would run again, from the record. It changes
//! nothing.

use std::collections::{BTreeMap, HashMap, VecDeque};

use serde_json::json;

use super::fold::{Fold, Folded};
use super::rows::{self, SUB_FLOWS_MAX};
use crate::cli::json::line;
use crate::cli::out::{say, table};
use crate::cli::session::Session;
use crate::cli::usage::{Outcome, Usage};
use crate::graph::look::glyph;
use crate::graph::text::visible;
use crate::model::{State, StoredFlowRun, StoredTaskRun};
use crate::policy::resume::outlook::{flow_runs, outlook};
use crate::policy::resume::{Asked, Redo, Standing, rows_to_redo};
use crate::store::Store;

/// How many task runs fare in which way.
#[derive(Debug, Default)]
struct Fate {
    kept: usize,
    runs: usize,
    /// They have failed for good, and fail again without running.
    fails: usize,
    /// What was recorded of those that are not kept.
    was: BTreeMap<&'static str, usize>,
}

impl Fate {
    fn add(&mut self, row: &StoredTaskRun, standing: Standing) {
        match standing {
            Standing::Keep => self.kept += 1,
            Standing::Again => self.runs += 1,
            Standing::Replay | Standing::Poison | Standing::UnknownOutcome => self.fails += 1,
        }
        if standing != Standing::Keep {
            *self.was.entry(row.state.name()).or_default() += 1;
        }
    }

    fn glyph(&self) -> &'static str {
        glyph(match self {
            Self { runs: 1.., .. } => State::AwaitingRetry,
            Self { fails: 1.., .. } => State::Failed,
            _ => State::Completed,
        })
    }

    fn words(&self) -> String {
        let words = [
            (self.kept, "kept", "kept"),
            (self.runs, "runs", "run"),
            (self.fails, "fails again", "fail again"),
        ];
        let words = words.map(|(count, one, more)| (count, if count == 1 { one } else { more }));
        counted(words)
    }

    fn before(&self) -> String {
        let was = counted(self.was.iter().map(|(state, count)| (*count, *state)));
        if was.is_empty() { was } else { format!("was {was}") }
    }
}

/// Says how many there are of each kind; no number where there is one kind only.
fn counted(kinds: impl IntoIterator<Item = (usize, &'static str)>) -> String {
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
        None => Asked::of(run, store.asked(run.id)?),
    };
    let folds = look(store, run, &asked)?.in_order();
    let sum = |of: fn(&Fate) -> usize| folds.iter().map(|fold| of(&fold.said)).sum::<usize>();
    let (kept, runs, fails) = (sum(|fate| fate.kept), sum(|fate| fate.runs), sum(|fate| fate.fails));
    if session.is_json() {
        for Fold { task, depth, said: Fate { kept, runs, fails, was } } in &folds {
            let fields = json!({ "task": task, "depth": depth, "kept": kept, "runs": runs, "fails": fails, "was": was });
            say(line("preview.task", Some(run.id), fields));
        }
        let fields = json!({
            "verb": verb, "flow": run.flow, "state": state, "flow_runs": flow_runs(run, &asked),
            "kept": kept, "runs": runs, "fails": fails,
        });
        say(line("preview", Some(run.id), fields));
        return Ok(());
    }
    let name = state.name();
    if !flow_runs(run, &asked) {
        say(format!("run {short} is {name}: `{verb}` would give its result, and run nothing"));
        return Ok(());
    }
    say(format!(
        "run {short} of `{}` is {name}; `{verb}` would run its body again, and of what it calls:",
        run.flow
    ));
    let rows = folds.iter().map(|Fold { task, depth, said }| {
        let times = said.kept + said.runs + said.fails;
        let times = if times == 1 { String::new() } else { format!(" ×{times}") };
        let task = format!("  {}{} {}{times}", "  ".repeat(*depth), said.glyph(), visible(task));
        vec![task, said.words(), said.before()]
    });
    table(&rows.collect::<Vec<_>>()).iter().for_each(say);
    let fails = if fails > 0 {
        format!(", {fails} {} as before", if fails == 1 { "fails" } else { "fail" })
    } else {
        String::new()
    };
    say(format!(
        "{kept} kept, {runs} to run{fails}; what it calls beyond that, or with other inputs, runs as well"
    ));
    say("nothing was changed: leave out `--dry-run` to do it");
    Ok(())
}

/// Looks through the record of a run and of those of its sub-flows that would run again.
fn look(store: &dyn Store, run: &StoredFlowRun, asked: &Asked) -> Outcome<Folded<Fate>> {
    let mut folded = Folded::<Fate>::default();
    let mut rest = VecDeque::from([(run.clone(), asked.clone(), None)]);
    let mut looked_through = 0;
    while let Some((run, asked, around)) = rest.pop_front().filter(|_| looked_through <= SUB_FLOWS_MAX) {
        looked_through += 1;
        let rows = rows::tasks(store, run.id)?;
        let mut groups = HashMap::new();
        let wanted = rows_to_redo(&rows, &asked.redo);
        for (row, standing) in outlook(&run, &rows, &asked) {
            let parent = groups.get(&row.parent).copied().or(around);
            let group = folded.group(parent, &row.task);
            groups.insert(row.id, group);
            folded.said(group).add(row, standing);
            if standing == Standing::Again
                && let Some(inner) = row.flow_run
                && let Some(inner) = store.flow_run(inner)?
            {
                rest.push_back((inner, asked.inside(row.id, &wanted), Some(group)));
            }
        }
    }
    Ok(folded)
}
