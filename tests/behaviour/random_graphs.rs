//! S3: random graphs of tasks. Whatever the shape, a task starts after everything it waits for has ended, and the
//! results are those of a plain evaluation.

use std::collections::HashMap;
use std::time::Duration;

use flowkit::model::{Event, EventKind, TaskRunId};
use flowkit::prelude::*;
use flowkit::{FlowRun, Runtime};
use proptest::prelude::*;

/// One task of a graph. What it waits for has a smaller number.
#[derive(Clone, Debug)]
struct Node {
    /// The nodes whose values it adds up.
    inputs: Vec<usize>,
    /// The nodes it only runs after.
    after: Vec<usize>,
    /// How long it runs.
    pause: Duration,
    fails: bool,
}

#[task]
async fn sum_of_slice(own: u64, inputs: &[u64], node: Node) -> Result<u64, String> {
    ended(own, inputs.iter().sum(), node).await
}

#[task]
async fn sum_of_vec(own: u64, inputs: Vec<u64>, node: Node) -> Result<u64, String> {
    ended(own, inputs.into_iter().sum(), node).await
}

#[task]
async fn sum_of_two(left: u64, right: &u64, node: Node) -> Result<u64, String> {
    ended(0, left + right, node).await
}

async fn ended(own: u64, sum: u64, node: Node) -> Result<u64, String> {
    if !node.pause.is_zero() {
        sleep(node.pause).await;
    }
    if node.fails { Err("as it was told".into()) } else { Ok(own + sum) }
}

/// The number that a node adds: two inputs are given as they are, and leave no room for it.
fn own(index: usize, node: &Node) -> u64 {
    if node.inputs.len() == 2 { 0 } else { index as u64 + 1 }
}

#[flow]
async fn graph(nodes: Vec<Node>) -> Result<Vec<Option<u64>>> {
    let mut handles: Vec<Handle<u64, String>> = Vec::new();
    for (index, node) in nodes.into_iter().enumerate() {
        let own = own(index, &node);
        let inputs: Vec<_> = node.inputs.iter().map(|input| handles[*input].clone()).collect();
        let after: Vec<_> = node.after.iter().map(|first| handles[*first].clone()).collect();
        let handle = match &inputs[..] {
            [left, right] => sum_of_two::of(left, right, node).after(&after[..]).submit(),
            _ if index % 2 == 0 => {
                sum_of_slice::of(own, Handles::from(inputs), node).after(&after[..]).submit()
            }
            _ => sum_of_vec::of(own, Handles::from(inputs), node).after(&after[..]).submit(),
        };
        handles.push(handle);
    }
    Ok(settle_all(handles).await.into_iter().map(Result::ok).collect())
}

fn plainly(nodes: &[Node]) -> Vec<Option<u64>> {
    let mut values: Vec<Option<u64>> = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        let inputs: Option<u64> = node.inputs.iter().map(|input| values[*input]).sum();
        let ready = node.after.iter().all(|first| values[*first].is_some());
        values.push(inputs.filter(|_| ready && !node.fails).map(|sum| own(index, node) + sum));
    }
    values
}

/// Where in the record each run started, and where it ended.
fn moments(events: &[Event]) -> (HashMap<TaskRunId, usize>, HashMap<TaskRunId, usize>) {
    let (mut starts, mut ends) = (HashMap::new(), HashMap::new());
    for (at, event) in events.iter().enumerate() {
        match event.kind {
            EventKind::Started { .. } => starts.insert(event.task_run, at),
            ref kind if kind.is_end() => ends.insert(event.task_run, at),
            _ => None,
        };
    }
    (starts, ends)
}

fn check<E>(run: &FlowRun<Vec<Option<u64>>, E>, nodes: &[Node]) -> Result<(), TestCaseError> {
    let values = run.result().as_ref().map_err(|_| TestCaseError::fail("the flow failed"))?;
    prop_assert_eq!(values, &plainly(nodes));
    let (starts, ends) = moments(&run.events());
    let task_runs = run.task_runs();
    prop_assert_eq!(task_runs.len(), nodes.len());
    for (node, task_run) in nodes.iter().zip(&task_runs) {
        let mut waited_for: Vec<_> = [&node.inputs[..], &node.after].concat();
        let mut from: Vec<usize> = task_run.edges.iter().map(|edge| edge.from().get() as usize - 1).collect();
        // A node that is both an input and before has an edge of each kind.
        waited_for.sort_unstable();
        from.sort_unstable();
        prop_assert_eq!(from, waited_for);
        let Some(start) = starts.get(&task_run.id) else {
            prop_assert_eq!(task_run.state, State::UpstreamFailed);
            continue;
        };
        for edge in &task_run.edges {
            prop_assert!(
                ends[&edge.from()] < *start,
                "{} started before {} had ended",
                task_run.id,
                edge.from()
            );
        }
    }
    Ok(())
}

prop_compose! {
    /// A list of earlier nodes without repetition: each number picks among those that there are.
    fn earlier(max: usize)(picks in prop::collection::vec(any::<prop::sample::Index>(), 0..max)) -> Vec<prop::sample::Index> {
        picks
    }
}

fn pick(picks: &[prop::sample::Index], among: usize) -> Vec<usize> {
    let mut picked: Vec<usize> =
        picks.iter().filter(|_| among > 0).map(|pick| pick.index(among.max(1))).collect();
    let mut seen = std::collections::HashSet::new();
    picked.retain(|node| seen.insert(*node));
    picked
}

prop_compose! {
    fn graphs()(
        nodes in prop::collection::vec((earlier(5), earlier(3), 0_u64..4, prop::bool::weighted(0.05)), 1..60)
    ) -> Vec<Node> {
        let node = |(index, (inputs, after, pause, fails)): (usize, (Vec<_>, Vec<_>, u64, bool))| Node {
            inputs: pick(&inputs, index),
            after: pick(&after, index),
            pause: Duration::from_millis(pause),
            fails,
        };
        nodes.into_iter().enumerate().map(node).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn s3_a_task_starts_after_all_it_waits_for_and_results_are_those_of_a_plain_evaluation(nodes in graphs()) {
        let run = flowkit::testing::run(None, graph(nodes.clone()).run());
        check(&run, &nodes)?;
    }

    #[test]
    fn s3_the_same_holds_on_several_threads(mut nodes in graphs()) {
        // Without pauses, the threads race for each end.
        nodes.iter_mut().for_each(|node| node.pause = Duration::ZERO);
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap();
        let runtime = Runtime::builder().build();
        let run = tokio.block_on(graph(nodes.clone()).on(&runtime).run());
        check(&run, &nodes)?;
    }
}
