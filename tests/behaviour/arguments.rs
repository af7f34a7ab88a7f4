//! Parameters of every kind, fed with values, handles and calls in any position.

mod borrows;
mod errors;
mod shapes;
mod sharing;

use std::path::{Path, PathBuf};

use flowkit::model::EdgeKind;
use flowkit::prelude::*;

#[task]
async fn text() -> String {
    "a b c".into()
}

#[task]
async fn list() -> Vec<u32> {
    vec![1, 2, 3]
}

#[task]
async fn place() -> PathBuf {
    PathBuf::from("data/in.csv")
}

#[task]
async fn number() -> u32 {
    7
}

#[task]
async fn by_value(text: String) -> usize {
    text.len()
}

#[task]
async fn by_reference(number: &u32) -> u32 {
    *number
}

#[task]
async fn by_str(text: &str) -> usize {
    text.split(' ').count()
}

#[task]
async fn by_slice(items: &[u32]) -> u32 {
    items.iter().sum()
}

#[task]
async fn by_path(path: &Path) -> bool {
    path.ends_with("in.csv")
}

/// Calls a task with a value, with a handle, with a handle by reference, and with a call that is not awaited.
macro_rules! each_source {
    ($task:ident, $value:expr, $source:ident) => {{
        let handle = $source().submit();
        [
            $task::of($value).await?,
            $task::of(&handle).await?,
            $task::of(handle).await?,
            $task::of($source()).await?,
            $task::submit($source()).await?,
        ]
    }};
}

#[flow]
async fn every_kind_from_every_source() -> Result<([usize; 5], [u32; 5], [usize; 5], [u32; 5], [bool; 5])> {
    Ok((
        each_source!(by_value, "a b c".to_owned(), text),
        each_source!(by_reference, &7, number),
        each_source!(by_str, "a b c", text),
        each_source!(by_slice, &[1, 2, 3][..], list),
        each_source!(by_path, Path::new("data/in.csv"), place),
    ))
}

#[flowkit::test]
async fn a_parameter_of_any_kind_takes_a_value_a_handle_or_a_call() {
    let run = every_kind_from_every_source().run().await;
    let task_runs = run.task_runs();
    assert_eq!(run.into_result().unwrap(), ([5; 5], [7; 5], [3; 5], [6; 5], [true; 5]));
    let consumers = task_runs.iter().filter(|run| run.task.starts_with("by_"));
    let edges: Vec<usize> = consumers.map(|run| run.edges.len()).collect();
    assert_eq!(edges, [0, 1, 1, 1, 1].repeat(5), "a value makes no edge, a handle and a call make one");
}

#[task]
async fn mixed(number: u32, text: &str, items: &[u32]) -> u32 {
    number + text.len() as u32 + items.len() as u32
}

/// Makes the call for each way to give each argument: 3 × 3 × 3.
macro_rules! each_way {
    ($results:ident, [$($number:expr),*], $texts:tt, $lists:tt) => {
        $(each_way!(@text $results, $number, $texts, $lists);)*
    };
    (@text $results:ident, $number:expr, [$($text:expr),*], $lists:tt) => {
        $(each_way!(@list $results, $number, $text, $lists);)*
    };
    (@list $results:ident, $number:expr, $text:expr, [$($list:expr),*]) => {
        $($results.push(mixed::of($number, $text, $list).await?);)*
    };
}

#[flow]
async fn mixes() -> Result<Vec<u32>> {
    let (number_handle, text_handle, list_handle) = (number().submit(), text().submit(), list().submit());
    let mut results = Vec::new();
    each_way!(
        results,
        [7u32, &number_handle, number()],
        ["a b c", &text_handle, text()],
        [&[1, 2, 3][..], &list_handle, list()]
    );
    Ok(results)
}

#[flowkit::test]
async fn values_handles_and_calls_mix_in_any_position() {
    let run = mixes().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[15; 27]);
    let mut edges: Vec<usize> = run.task_runs_of("mixed").iter().map(|run| run.edges.len()).collect();
    edges.sort_unstable();
    // Of three positions 0, 1, 2 or 3 have an edge: 1, 3·2, 3·2·2 and 2·2·2 ways.
    let expected = [vec![0; 1], vec![1; 6], vec![2; 12], vec![3; 8]].concat();
    assert_eq!(edges, expected);
    let all_edges = run.task_runs().iter().flat_map(|run| run.edges.to_vec()).collect::<Vec<_>>();
    assert!(all_edges.iter().all(|edge| edge.kind() == EdgeKind::Data));
}

#[task]
async fn double(number: u32) -> u32 {
    number * 2
}

#[task]
async fn sum_of_vec(items: Vec<u32>) -> u32 {
    items.iter().sum()
}

#[task]
#[allow(clippy::ptr_arg, reason = "this kind of parameter is what is tested")]
async fn sum_of_vec_reference(items: &Vec<u32>) -> u32 {
    items.iter().sum()
}

#[flow]
async fn lists() -> Result<[u32; 6]> {
    let doubled = double::map([1, 2, 3]);
    Ok([
        sum_of_vec::of(&doubled).await?,
        by_slice::of(&doubled).await?,
        sum_of_vec_reference::of(&doubled).await?,
        sum_of_vec::submit(&doubled).await?,
        by_slice::submit(&doubled).await?,
        sum_of_vec::of(doubled).await?,
    ])
}

#[flowkit::test]
async fn handles_of_items_stand_for_a_vec_or_a_slice_with_one_edge_per_item() {
    let run = lists().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[12; 6]);
    let sums = run.task_runs().into_iter().filter(|run| run.task != "double");
    let edges: Vec<usize> = sums.map(|run| run.edges.len()).collect();
    assert_eq!(edges, [3; 6]);
}

#[flow]
async fn collected() -> Result<(u32, u32)> {
    let handles: Handles<u32, _> = [3, 4].into_iter().map(|number| double(number).submit()).collect();
    let chosen = Handles::from(vec![number().submit(), number().submit()]);
    Ok((by_slice::of(&handles).await?, sum_of_vec::of(chosen).await?))
}

#[flowkit::test]
async fn handles_can_be_collected_by_hand() {
    assert_eq!(collected().await.unwrap(), (14, 14));
}

#[flow]
async fn one_twice() -> Result<u32> {
    #[task]
    async fn add(left: u32, right: u32) -> u32 {
        left + right
    }
    let seven = number().submit();
    Ok(add::of(&seven, &seven).await?)
}

#[flowkit::test]
async fn a_handle_given_twice_is_one_edge() {
    let run = one_twice().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &14);
    assert_eq!(run.task_runs_of("add")[0].edges.len(), 1);
}
