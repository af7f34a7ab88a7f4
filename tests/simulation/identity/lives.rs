//! Carries a plan through all of its processes, and returns the tape.

use std::sync::Arc;

use flowkit::model::TaskRunId;
use flowkit::store::{FlowRunFilter, History, MemoryStore, TaskRunFilter};
use flowkit::{FlowRunId, Runtime, State};

use super::flow::{identified, set_plan};
use super::plan::Plan;
use super::tape::{self, Line};
use crate::history::{Ended, Lives};
use crate::trace;
use crate::world::millis;

/// Returns what happens to a plan.
pub(crate) fn live(plan: &Plan) -> Vec<Line> {
    let shared = Arc::new(plan.clone());
    let disk: Arc<MemoryStore> = Arc::default();
    let lives = Lives { disk: Arc::clone(&disk), seed: plan.seed, slots: [1, 1], full: true };
    let mut wall_us = crate::history::FIRST_WALL_US;
    for (number, process) in (0..).zip(&plan.processes) {
        tape::write(Line::Process { number });
        let begin = |runtime: &Runtime| {
            set_plan(Arc::clone(&shared));
            if let Some(after) = shared.told_to_stop_at(number) {
                tokio::spawn(async move {
                    // What begins in the very moment may have come first.
                    tokio::time::sleep(millis(after + 1)).await;
                    tape::write(Line::Told);
                });
            }
            let (runtime, root) = (runtime.clone(), root(&disk));
            let (seed, reruns) = (shared.seed, shared.rerun == Some(number));
            async move {
                match root {
                    None => identified(seed).on(&runtime).run().await,
                    Some((id, _)) if reruns => {
                        identified::resume(id).rerun_from("source").on(&runtime).run().await
                    }
                    Some((id, _)) => identified::resume(id).on(&runtime).run().await,
                }
            }
        };
        let (lived, ended) = lives.live(number, process, wall_us, begin);
        match ended {
            Ended::Over(run) => tape::write(Line::Over { completed: run.state() == State::Completed }),
            Ended::Hangs => tape::write(Line::Hangs),
            Ended::Died | Ended::Left => {}
        }
        disk.crash();
        trace::look_back();
        if plan.rerun.is_some_and(|rerun| rerun <= number) && is_settled(&disk) {
            tape::write(Line::Settled);
        }
        let is_over = root(&disk).is_some_and(|(_, state)| state.is_terminal());
        if is_over && plan.rerun.is_none_or(|rerun| rerun <= number) {
            break;
        }
        wall_us += lived + 1000 * process.then;
    }
    trace::take();
    tape::take()
}

fn root(disk: &MemoryStore) -> Option<(FlowRunId, State)> {
    let page = disk.flow_runs(&FlowRunFilter::default(), None, 1).unwrap();
    page.runs.first().map(|run| (run.id, run.state))
}

/// Whether the store has every result of a source that is persisted.
fn is_settled(disk: &MemoryStore) -> bool {
    let Some((id, _)) = root(disk) else { return false };
    let rows = disk.task_runs(id, &TaskRunFilter::default(), TaskRunId::FLOW, usize::MAX).unwrap();
    let mut sources = rows.iter().filter(|row| row.task == "source").peekable();
    sources.peek().is_some() && sources.all(|row| row.state == State::Completed && row.has_result)
}
