//! Graphs that come from data: handles in collections, tasks that are named at run time, and lists whose failures are values.

mod outcomes;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flowkit::model::EdgeKind;
use flowkit::prelude::*;
use flowkit::store::MemoryStore;
use flowkit::{After, FlowRun, Refusal, Runtime, limits};

use crate::support::{Bodies, HOUR};

#[task]
async fn double(number: u32) -> u32 {
    number * 2
}

#[task]
async fn sum(numbers: &[u32]) -> u32 {
    numbers.iter().sum()
}

#[task]
async fn sum_of_vec(numbers: Vec<u32>) -> u32 {
    numbers.iter().sum()
}

/// The numbers of edges into the runs of each task other than `double`.
fn edges<T, E: flowkit::TaskError>(run: &FlowRun<T, E>) -> Vec<usize> {
    run.task_runs().iter().filter(|run| run.task != "double").map(|run| run.edges.len()).collect()
}

#[flow]
async fn by_reference() -> Result<[u32; 6]> {
    let handles = vec![double(1).submit(), double(2).submit()];
    let pair = [handles[0].clone(), handles[1].clone()];
    Ok([
        sum::of(&handles).await?,
        sum::of(&handles[..1]).await?,
        sum::of(&pair).await?,
        sum_of_vec::of(&handles).await?,
        sum_of_vec::submit(&handles[1..]).await?,
        sum_of_vec::of(&pair).await?,
    ])
}

#[flowkit::test]
async fn a_reference_to_a_vec_a_slice_or_an_array_of_handles_is_a_list_with_an_edge_per_handle() {
    let run = by_reference().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[6, 2, 6, 6, 4, 6]);
    assert_eq!(edges(&run), [2, 1, 2, 2, 1, 2]);
}

#[task]
async fn with_extra(number: u32, extra: Option<u32>) -> u32 {
    number + extra.unwrap_or(100)
}

#[flow]
async fn optional() -> Result<[u32; 5]> {
    let (extra, none) = (Some(double(4).submit()), None::<Handle<u32, std::convert::Infallible>>);
    Ok([
        with_extra::of(1, &extra).await?,
        with_extra::of(1, &none).await?,
        with_extra::of(1, None).await?,
        with_extra::of(1, Some(2)).await?,
        with_extra::submit(double(1), &extra).await?,
    ])
}

#[flowkit::test]
async fn an_optional_handle_is_an_optional_value_with_an_edge_if_it_is_there() {
    let run = optional().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[9, 101, 101, 3, 10]);
    assert_eq!(edges(&run), [1, 0, 0, 0, 2]);
}

#[flowkit::test]
async fn an_empty_vec_is_a_list_of_values() {
    assert_eq!(sum_of_vec::of(vec![]).await.unwrap(), 0);
}

#[flow]
async fn collected() -> Result<u32> {
    let mut handles = Handles::new();
    assert!(handles.is_empty());
    handles.push(double(1).submit());
    handles.extend((2..4).map(|number| double(number).submit()));
    let of_two = sum::of(&handles).submit();
    handles.extend(&[double(10).submit()]);
    let picked: Handles<_, _> = [&handles[3], &handles[0]].into_iter().collect();
    assert_eq!((handles.len(), handles.iter().count(), handles[1..].len(), picked.len()), (4, 4, 3, 2));
    let both = of_two.await? + sum::of(&picked).await?;
    assert_eq!(handles.into_vec().len(), 4);
    Ok(both)
}

#[flowkit::test]
async fn handles_are_a_collection_and_a_call_has_those_that_were_in_it() {
    assert_eq!(collected().await.unwrap(), 12 + 22);
}

#[flow]
async fn counts_a_pending_list() -> Result<usize> {
    #[task]
    async fn numbers() -> Vec<u32> {
        vec![1, 2]
    }
    let doubled = double::map(numbers().submit());
    Ok(doubled.len())
}

#[flowkit::test]
async fn a_list_that_is_pending_has_no_length() {
    let error = counts_a_pending_list().await.unwrap_err();
    assert!(matches!(&error, Error::Panicked { .. }), "{error}");
    let cause = format!("{error:#?} {error}");
    assert!(cause.contains("await `handles.list()` first"), "{cause}");
}

#[flow]
async fn ordered() -> Result<()> {
    #[task]
    async fn last() {}
    let known = double::map([1, 2]);
    let several = vec![double(3).submit(), double(4).submit()];
    let (one, missing) = (double(5).submit(), None::<&Handle<u32, std::convert::Infallible>>);
    last().after(&several).await?;
    last().after(several.clone()).await?;
    last().after(&several[1..]).await?;
    last().after((&known, &one)).await?;
    last().after((&one, &several, [&one, &several[0]], missing)).await?;
    last().after(Some(&one)).await?;
    Ok(())
}

#[flowkit::test]
async fn a_call_runs_after_anything_that_holds_handles() {
    let run = ordered().run().await;
    assert_eq!(edges(&run), [2, 2, 1, 3, 3, 1]);
    let all = run.task_runs().into_iter().flat_map(|run| run.edges.to_vec());
    assert!(all.into_iter().all(|edge| edge.kind() == EdgeKind::Order));
}

/// A function that takes whatever a call can run after.
fn last_after(first: impl After) -> impl After {
    double(0).after(first).submit()
}

#[flow]
async fn passed_on() -> Result<u32> {
    let last = last_after((double(1).submit(), [double(2).submit()]));
    Ok(double(3).after(last).await?)
}

#[flowkit::test]
async fn what_a_call_runs_after_can_be_named_in_a_signature() {
    let run = passed_on().run().await;
    let edges: Vec<_> = run.task_runs().iter().map(|run| run.edges.len()).collect();
    assert_eq!(edges, [0, 0, 2, 1]);
}

/// Counts its clones.
struct Counted(Arc<AtomicUsize>);

impl Clone for Counted {
    fn clone(&self) -> Self {
        self.0.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(&self.0))
    }
}

#[task]
async fn counted(clones: Arc<AtomicUsize>) -> Counted {
    Counted(clones)
}

#[task]
async fn clones_of(all: &[Counted]) -> usize {
    flowkit::sleep(HOUR).await;
    all[0].0.load(Ordering::Relaxed)
}

#[flow]
async fn lent_four_times(clones: Arc<AtomicUsize>) -> Result<Vec<usize>> {
    let values: Handles<_, _> = (0..3).map(|_| counted(clones.clone()).submit()).collect();
    let readers: Handles<_, _> = (0..4).map(|_| clones_of::of(&values).submit()).collect();
    Ok(readers.await?)
}

#[flowkit::test]
async fn all_readers_of_a_list_share_one_copy_of_its_values() {
    assert_eq!(lent_four_times(Arc::default()).await.unwrap(), [3; 4]);
}

#[task(cache = "none")]
async fn tool(input: u32, bodies: Bodies) -> u32 {
    let _inside = bodies.enter();
    tokio::time::sleep(HOUR).await;
    input + 1
}

#[flow]
async fn named_at_run_time(names: Vec<String>, bodies: Bodies) -> Result<Vec<u32>> {
    let runs: Handles<_, _> =
        names.iter().map(|name| tool(1, bodies.clone()).task_named(name).submit()).collect();
    Ok(runs.await?)
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

#[flowkit::test]
async fn one_function_stands_for_several_tasks_in_record_graph_and_folding() {
    let run = named_at_run_time(names(&["trim", "align", "trim"]), Bodies::default()).run().await;
    let tasks: Vec<_> = run.task_runs().iter().map(|run| (run.task.to_string(), run.label())).collect();
    let pair = |name: &str| (name.to_owned(), name.to_owned());
    assert_eq!(tasks, [pair("trim"), pair("align"), pair("trim")]);
    let folded = run.graph().folded(0);
    assert_eq!(folded.nodes().iter().map(|node| &*node.task).collect::<Vec<_>>(), ["trim", "align"]);
}

#[flowkit::test]
async fn a_limit_holds_for_the_name_that_a_call_gives_its_task() {
    limits::set("align", 2);
    let bodies = Bodies::default();
    let many = names(&["align", "align", "align", "align", "trim"]);
    named_at_run_time(many, bodies.clone()).await.unwrap();
    assert_eq!((bodies.begun(), bodies.most()), (5, 3));
}

#[task]
async fn step(input: u32, name: String) -> u32 {
    MADE.fetch_add(1, Ordering::Relaxed);
    input + u32::from(!name.is_empty())
}

static MADE: AtomicUsize = AtomicUsize::new(0);

#[flow]
async fn steps(names: Vec<String>) -> Result<u32> {
    let mut last = step(0, "start".into()).task_named("start").submit();
    for name in names {
        last = step::of(&last, name.clone()).task_named(name).submit();
    }
    Ok(last.await?)
}

#[flowkit::test]
async fn a_rerun_goes_from_the_name_that_a_call_gave_its_task() {
    let runtime = Runtime::builder().store(MemoryStore::new()).build();
    let run = steps(names(&["trim", "align", "count"])).on(&runtime).run().await;
    assert_eq!((run.result().as_ref().unwrap(), MADE.swap(0, Ordering::Relaxed)), (&4, 4));
    let again = steps::resume(run.id().unwrap()).rerun_from("align").on(&runtime).await;
    assert_eq!((again.unwrap(), MADE.swap(0, Ordering::Relaxed)), (4, 2));
    let refused = steps::resume(run.id().unwrap()).rerun_from("step").on(&runtime).await.unwrap_err();
    let Error::Refused { refusal: Refusal::NoSuchTask { known, .. }, .. } = refused else {
        panic!("{refused}")
    };
    assert_eq!(known, ["start", "trim", "align", "count"]);
}

#[flowkit::test]
async fn under_another_name_it_is_another_call() {
    #[task]
    async fn known(input: u32) -> u32 {
        input + 1
    }

    #[flow(retries = 1)]
    async fn renamed(attempts: Arc<AtomicUsize>) -> Result<()> {
        let attempt = attempts.fetch_add(1, Ordering::Relaxed);
        known(1).task_named("same").await?;
        known(1).task_named(format!("name {attempt}")).await?;
        if attempt == 0 { Err("once more".into()) } else { Ok(()) }
    }

    let run = renamed(Arc::default()).run().await;
    assert!(run.result().is_ok());
    let ran: Vec<_> =
        run.task_runs().iter().filter(|run| run.attempt > 0).map(|run| run.task.to_string()).collect();
    assert_eq!(ran, ["same", "name 0", "name 1"]);
}

#[flow]
async fn named_sub_flow() -> Result<()> {
    #[flow]
    async fn region() -> Result<u32> {
        Ok(double(2).await?)
    }
    region().task_named("north").await?;
    Ok(())
}

#[flowkit::test]
async fn a_sub_flow_has_the_name_in_the_graph_of_its_caller() {
    let run = named_sub_flow().run().await;
    assert_eq!(run.task_runs()[0].task, "north");
}
