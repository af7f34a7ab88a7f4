//! E: one run per item of a list.
//!
//! Not here: E3 and E5 (what is a list and what is not is a matter of types).

use std::sync::Arc;
use std::time::Duration;

use flowkit::model::{Edge, EdgeKind, Refusal};
use flowkit::policy::trigger::Trigger;
use flowkit::prelude::*;

#[task]
async fn add(left: u32, right: u32) -> u32 {
    left + right
}

#[task]
async fn double(number: u32) -> u32 {
    number * 2
}

#[task]
async fn numbers(count: u32) -> Result<Vec<u32>, String> {
    if count > 100 { Err("too many".into()) } else { Ok((1..=count).collect()) }
}

#[flow]
async fn with_a_constant() -> Result<Vec<u32>> {
    Ok(add::map([1, 2], 5).await?)
}

#[flowkit::test]
async fn e1_map_makes_one_run_per_item_with_the_constant_in_each_and_results_in_input_order() {
    let run = with_a_constant().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[6, 7]);
    let task_runs = run.task_runs();
    let labels: Vec<String> = task_runs.iter().map(|run| run.label()).collect();
    assert_eq!(labels, ["add[0]", "add[1]"]);
    let indices: Vec<_> = task_runs.iter().map(|run| run.index).collect();
    assert_eq!(indices, [Some(0), Some(1)]);
}

#[flow]
async fn slowest_first() -> Result<(Vec<u64>, Duration)> {
    #[task]
    async fn seconds(seconds: u64) -> u64 {
        sleep(Duration::from_secs(seconds)).await;
        seconds
    }
    let begun = tokio::time::Instant::now();
    Ok((seconds::map([3, 1, 2]).await?, begun.elapsed()))
}

#[flowkit::test]
async fn e1_mapped_runs_overlap_and_keep_the_order_of_their_items() {
    assert_eq!(slowest_first().await.unwrap(), (vec![3, 1, 2], Duration::from_secs(3)));
}

#[flow]
async fn zipped(left: Vec<u32>, right: Vec<u32>) -> Result<Vec<u32>> {
    Ok(add::map(left, each(right)).await?)
}

#[flowkit::test]
async fn e2_each_zips_a_further_list() {
    assert_eq!(zipped(vec![1, 2, 3], vec![10, 20, 30]).await.unwrap(), [11, 22, 33]);
}

#[flow]
async fn unequal() -> Result<Error> {
    #[task]
    async fn three(_: u32, _: u32, _: u32) {}
    let wrong = three::map([1, 2], 0, each([1, 2, 3]));
    Ok(wrong.await.unwrap_err())
}

#[flowkit::test]
async fn e2_lists_of_unequal_lengths_are_an_error_before_any_run_starts() {
    let run = unequal().run().await;
    let error = run.result().as_ref().unwrap();
    let Error::Refused { refusal: Refusal::UnequalLengths { lengths, .. }, .. } = error else {
        panic!("refused, not {error:?}")
    };
    assert_eq!(lengths[..], [2, 3], "constants have no length");
    assert!(run.task_runs().is_empty());
}

#[flow]
async fn unequal_later() -> Result<bool> {
    let list = numbers(3).submit();
    let wrong = add::map(&list, each([1, 2]));
    Ok(matches!(wrong.await, Err(Error::Refused { refusal: Refusal::UnequalLengths { .. }, .. })))
}

#[flowkit::test]
async fn e2_unequal_lengths_are_found_also_when_a_list_comes_later() {
    let run = unequal_later().run().await;
    assert!(run.result().as_ref().unwrap());
    assert!(run.task_runs_of("add").is_empty());
}

#[flow]
async fn nothing() -> Result<(Vec<u32>, Vec<u32>, u32)> {
    #[task]
    async fn total(items: &[u32]) -> u32 {
        items.iter().sum()
    }
    let empty = double::map([0; 0]);
    let later = double::map(numbers(0).submit());
    let total = total::of(&empty).await?;
    Ok((empty.await?, later.await?, total))
}

#[flowkit::test]
async fn e4_an_empty_list_gives_no_runs_and_an_empty_result() {
    let run = nothing().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &(vec![], vec![], 0));
    assert!(run.task_runs_of("double").is_empty());
}

#[task]
async fn length(word: &str) -> usize {
    word.len()
}

#[task]
async fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[flow]
async fn later_lists() -> Result<(Vec<u32>, Vec<usize>, Vec<u32>)> {
    let list = numbers(3).submit();
    let doubled = double::map(&list);
    assert!(doubled.known().is_none(), "the length is not known yet");
    let twice = double::map(&doubled);
    let by_value = twice.clone().await?;
    assert_eq!(twice.known().map(<[_]>::len), Some(3));
    let by_reference = length::map(words("a bc def").submit()).await?;
    Ok((by_value, by_reference, add::map(&list, each(&doubled)).await?))
}

#[flowkit::test]
async fn e6_mapping_a_list_that_comes_later_waits_for_it_and_each_run_depends_on_it() {
    let run = later_lists().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &(vec![4, 8, 12], vec![1, 2, 3], vec![3, 6, 9]));
    let list = &run.task_runs_of("numbers")[0];
    let doubles = run.task_runs_of("double");
    let (first, second) = doubles.split_at(3);
    let from = |id| Edge::new(id, EdgeKind::Data);
    for doubled in first {
        assert_eq!(doubled.edges, [from(list.id)]);
        assert!(doubled.started_at >= list.ended_at);
    }
    for (twice, doubled) in second.iter().zip(first) {
        assert_eq!(twice.edges, [from(doubled.id)], "one edge per item, not to the whole list");
    }
    let text = &run.task_runs_of("words")[0];
    assert!(run.task_runs_of("length").iter().all(|run| run.edges == [from(text.id)]));
    for (sum, doubled) in run.task_runs_of("add").iter().zip(first) {
        assert_eq!(sum.edges, [from(list.id), from(doubled.id)]);
    }
}

#[flow]
async fn list_that_fails() -> Result<(Error, Error, Error<String>)> {
    #[task]
    async fn tenfold(numbers: Vec<u32>) -> Result<Vec<u32>, String> {
        Ok(numbers.iter().map(|number| number * 10).collect())
    }
    let failed = numbers(101).submit();
    let mapped = double::map(&failed);
    let again = double::map(&mapped);
    let gathered = tenfold::submit(&mapped);
    Ok((mapped.await.unwrap_err(), again.await.unwrap_err(), gathered.await.unwrap_err()))
}

#[flowkit::test]
async fn e6_a_list_that_fails_leaves_no_runs_and_its_error_is_the_cause() {
    let run = list_that_fails().run().await;
    let (mapped, again, gathered) = run.result().as_ref().unwrap();
    for text in [format!("{mapped:?}"), format!("{again:?}"), format!("{gathered:?}")] {
        assert!(text.contains("did not run"), "{text}");
        assert!(text.ends_with("task `numbers` failed: too many"), "{text}");
    }
    assert!(run.task_runs_of("double").is_empty());
    assert_eq!(run.task_runs_of("tenfold")[0].state, State::UpstreamFailed);
}

#[task]
async fn placed(word: &str, among: &[String], offset: usize) -> Option<usize> {
    among.iter().position(|other| other == word).map(|place| place + offset)
}

#[flow]
async fn constants_by_handle() -> Result<Vec<Option<usize>>> {
    #[task]
    async fn offset() -> usize {
        10
    }
    let among = words("a b c").submit();
    Ok(placed::map(["c", "x", "a"], &among, offset().submit()).await?)
}

#[flowkit::test]
async fn e7_a_parameter_that_is_not_mapped_is_the_same_for_each_run_also_as_a_handle() {
    let run = constants_by_handle().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[Some(12), None, Some(10)]);
    assert!(run.task_runs_of("placed").iter().all(|run| run.edges.len() == 2));
}

/// Not `Clone`, so it cannot be the same for several runs.
struct Ticket(u32);

#[flow]
async fn one_ticket_each() -> Result<(u32, Vec<u32>)> {
    #[task]
    async fn admitted(guest: u32, ticket: Ticket) -> u32 {
        guest * 10 + ticket.0
    }
    let guest = double(1).submit();
    let alone = admitted::of(&guest, Ticket(9)).await?;
    Ok((alone, admitted::map([1, 2], each([Ticket(3), Ticket(4)])).await?))
}

#[flowkit::test]
async fn e7_a_parameter_that_cannot_be_cloned_can_be_given_and_zipped() {
    assert_eq!(one_ticket_each().await.unwrap(), (29, vec![13, 24]));
}

#[flow]
async fn each_after() -> Result<Vec<u32>> {
    #[task]
    async fn prepare() {
        sleep(Duration::from_secs(60)).await;
    }
    let prepared = prepare().submit();
    let mapped: Handles<u32, _> = (1..=3).map(|number| double(number).after(&prepared).submit()).collect();
    Ok(mapped.await?)
}

#[flowkit::test]
async fn e8_each_run_of_a_list_can_wait_for_another_run() {
    let run = each_after().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[2, 4, 6]);
    let prepared = &run.task_runs_of("prepare")[0];
    for mapped in run.task_runs_of("double") {
        assert_eq!(mapped.edges, [Edge::new(prepared.id, EdgeKind::Order)]);
        assert!(mapped.started_at >= prepared.ended_at);
    }
}

#[task]
async fn seconds(number: u32) -> u32 {
    sleep(Duration::from_secs(number.into())).await;
    number
}

#[flow]
async fn after_a_later_list() -> Result<()> {
    #[task]
    async fn last() {}
    let mapped = seconds::map(numbers(3).submit());
    last().after(&mapped).submit().await?;
    last().after(&mapped).await?;
    Ok(())
}

#[flowkit::test]
async fn e8_a_run_after_a_list_that_comes_later_waits_for_each_of_its_runs() {
    let run = after_a_later_list().run().await;
    let mapped = run.task_runs_of("seconds");
    let last_end = mapped.iter().map(|run| run.ended_at.unwrap()).max().unwrap();
    for last in run.task_runs_of("last") {
        assert!(last.started_at.unwrap() >= last_end);
        let from: Vec<Edge> = mapped.iter().map(|run| Edge::new(run.id, EdgeKind::Order)).collect();
        assert_eq!(last.edges, from);
    }
}

#[flow]
async fn cancelled_lists() -> Result<[bool; 2]> {
    let known = seconds::map([60, 60]);
    let later = seconds::map(numbers(3).after(&known).trigger(Trigger::AllDone).submit());
    known.cancel();
    later.cancel();
    Ok([known.await, later.await].map(|result| result.is_err_and(|error| error.is_cancelled())))
}

#[flowkit::test]
async fn a_list_can_be_stopped_also_before_it_is_known() {
    let run = cancelled_lists().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[true; 2]);
    let states: Vec<State> = run.task_runs_of("seconds").iter().map(|run| run.state).collect();
    assert_eq!(states, [State::Cancelled; 2], "the list that came later has no runs");
}

#[flow]
async fn everything_mapped() -> Result<Vec<Vec<u32>>> {
    let handles = vec![double(1).submit(), double(2).submit()];
    let shared: Arc<[u32]> = Arc::from([1, 2]);
    Ok(vec![
        double::map(vec![1, 2]).await?,
        double::map(1..=2).await?,
        double::map(shared.iter().copied()).await?,
        double::map(&handles).await?,
        double::map(handles).await?,
        double::map([double(1), double(2)]).await?,
    ])
}

#[flowkit::test]
async fn whatever_iterates_over_values_handles_or_calls_can_be_mapped() {
    let doubled = vec![2, 4];
    let quadrupled = vec![4, 8];
    let expected =
        [doubled.clone(), doubled.clone(), doubled, quadrupled.clone(), quadrupled.clone(), quadrupled];
    assert_eq!(everything_mapped().await.unwrap(), expected);
}
