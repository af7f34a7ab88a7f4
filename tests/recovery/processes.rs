//! R16, R17: several processes with one file.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use flowkit::model::{State, TaskRunId};
use flowkit::store::{FlowRunFilter, History, TaskRunFilter};

use crate::kit::{Folder, kill, succeeds, watch};

/// A flow of so many tasks has 5,001 events: three per task, and three of the flow.
const TASKS: u64 = 1666;

#[test]
fn r16_two_processes_write_five_thousand_events_each_beside_each_other() {
    let folder = Folder::new();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| succeeds(&mut folder.kit("many", &[TASKS])));
        }
    });
    let store = folder.open();
    let runs = store.flow_runs(&FlowRunFilter::default(), None, 9).unwrap().runs;
    assert_eq!(runs.len(), 2);
    for run in runs {
        assert_eq!(run.state, State::Completed);
        let rows = store.task_runs(run.id, &TaskRunFilter::default(), TaskRunId::FLOW, usize::MAX).unwrap();
        assert_eq!(rows.len() as u64, TASKS);
        assert!(rows.iter().all(|row| row.state == State::Completed && row.has_result));
        let events = store.events(run.id, 0, usize::MAX).unwrap();
        assert_eq!(events.len() as u64, 3 * TASKS + 3);
        assert!(events.iter().zip(1..).all(|(event, sequence)| event.sequence == sequence));
    }
}

/// A process that resumes the runs it is asked to.
struct Racer {
    child: Child,
    orders: ChildStdin,
}

impl Racer {
    fn start(folder: &Folder, number: usize, said: std::sync::mpsc::Sender<(usize, String)>) -> Self {
        let mut child = folder.kit("race", &[]).stdin(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        std::thread::spawn(move || {
            // The test may be over.
            lines.map_while(Result::ok).try_for_each(|line| said.send((number, line)))
        });
        Self { orders: child.stdin.take().unwrap(), child }
    }
}

fn hear(said: &Receiver<(usize, String)>) -> (usize, String) {
    said.recv_timeout(Duration::from_secs(60)).expect("somebody says something")
}

#[test]
fn r17_of_four_processes_that_resume_a_run_at_once_one_owns_it_and_the_others_learn_which() {
    const TRIES: usize = 50;
    let folder = Folder::new();
    let mut holder = folder.kit("hold", &[TRIES as u64]).spawn().unwrap();
    assert!(watch(&mut holder, &folder, TRIES as u64));
    kill(holder);
    let (says, said) = channel();
    let mut racers: Vec<_> = (0..4).map(|number| Racer::start(&folder, number, says.clone())).collect();
    for _ in &racers {
        assert_eq!(hear(&said).1, "ready");
    }
    let runs = folder.open().flow_runs(&FlowRunFilter::default(), None, TRIES).unwrap().runs;
    assert_eq!(runs.len(), TRIES);
    for run in &runs {
        assert_eq!(run.state, State::Crashed);
        for racer in &mut racers {
            writeln!(racer.orders, "{}", run.id).unwrap();
        }
        let refused = [hear(&said), hear(&said), hear(&said)];
        let index: serde_json::Value = serde_json::from_str(run.parameters.as_ref().unwrap()).unwrap();
        std::fs::write(folder.path().join(format!("release-{}", index["index"])), "").unwrap();
        let (owner, done) = hear(&said);
        assert_eq!(done, "done");
        let named = format!("is being run by process {} on", racers[owner].child.id());
        for (_, reason) in refused {
            assert!(reason.starts_with("refused") && reason.contains(&named), "{reason}; wanted {named}");
        }
    }
    for Racer { mut child, orders } in racers {
        drop(orders);
        assert!(child.wait().unwrap().success());
    }
}
