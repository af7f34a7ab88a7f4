//! What identifies a task to the cache: its name and module, its body, its version, and its generic arguments (C5, C6).

use flowkit::prelude::*;

use super::states;
use State::{Cached, Completed};

#[task(cache = "inputs")]
async fn sum(left: u32, right: u32) -> u32 {
    left + right
}

#[task(cache = "inputs")]
async fn product(left: u32, right: u32) -> u32 {
    left * right
}

mod elsewhere {
    use flowkit::prelude::*;

    #[task(cache = "inputs")]
    pub(super) async fn sum(left: u32, right: u32) -> u32 {
        left + right
    }
}

#[flow]
async fn same_inputs() -> Result<[u32; 3]> {
    Ok([sum(3, 4).await?, product(3, 4).await?, elsewhere::sum(3, 4).await?])
}

#[flowkit::test]
async fn c5_another_task_with_the_same_inputs_never_shares_a_result() {
    let run = same_inputs().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[7, 12, 7]);
    assert!(run.task_runs().iter().all(|run| run.state == Completed), "also if name and body are equal");
}

async fn first_body(number: u32) -> Result<u32, Error> {
    #[task(cache = "inputs")]
    async fn inner(number: u32) -> u32 {
        number + 1
    }
    inner(number).await
}

async fn other_body(number: u32) -> Result<u32, Error> {
    #[task(cache = "inputs")]
    async fn inner(number: u32) -> u32 {
        number + 2
    }
    inner(number).await
}

async fn other_version(number: u32) -> Result<u32, Error> {
    #[task(cache = "inputs", version = "2")]
    async fn inner(number: u32) -> u32 {
        number + 1
    }
    inner(number).await
}

#[flow]
async fn bodies_and_versions() -> Result<Vec<u32>> {
    let mut values = Vec::new();
    for _ in 0..2 {
        values.push(first_body(1).await?);
        values.push(other_body(1).await?);
        values.push(other_version(1).await?);
    }
    Ok(values)
}

async fn tenfold(number: u32) -> Result<u32, Error> {
    const FACTOR: u32 = 10;
    #[task(cache = "inputs")]
    async fn scaled(number: u32) -> u32 {
        number * FACTOR
    }
    scaled(number).await
}

async fn hundredfold(number: u32) -> Result<u32, Error> {
    const FACTOR: u32 = 100;
    #[task(cache = "inputs")]
    async fn scaled(number: u32) -> u32 {
        number * FACTOR
    }
    scaled(number).await
}

#[flowkit::test]
async fn c5_tasks_that_read_alike_in_two_functions_share_no_result() {
    assert_eq!((tenfold(3).await.unwrap(), hundredfold(3).await.unwrap()), (30, 300));
}

#[flowkit::test]
async fn c6_another_body_or_version_under_the_same_name_is_a_miss() {
    let run = bodies_and_versions().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &[2, 3, 2, 2, 3, 2]);
    assert_eq!(states(&run, "inner"), [[Completed; 3], [Cached; 3]].concat());
}

#[task(cache = "inputs")]
async fn head<const N: usize>(items: Vec<u32>) -> Vec<u32> {
    items.into_iter().take(N).collect()
}

#[task(cache = "inputs")]
async fn size<T: serde::Serialize + Clone + Send + Sync + 'static>(_value: T) -> usize {
    size_of::<T>()
}

#[flow]
async fn instances() -> Result<(Vec<Vec<u32>>, Vec<usize>)> {
    let (mut heads, mut sizes) = (Vec::new(), Vec::new());
    for _ in 0..2 {
        heads.push(head::<1>(vec![1, 2, 3]).await?);
        heads.push(head::<2>(vec![1, 2, 3]).await?);
        sizes.push(size(7_u32).await?);
        sizes.push(size(7_u64).await?);
    }
    Ok((heads, sizes))
}

#[flowkit::test]
async fn c5_a_generic_task_shares_no_result_between_its_types_and_constants() {
    let run = instances().run().await;
    let (heads, sizes) = run.result().as_ref().unwrap();
    assert_eq!(heads[..], [vec![1], vec![1, 2], vec![1], vec![1, 2]]);
    assert_eq!(sizes[..], [4, 8, 4, 8]);
    assert_eq!(states(&run, "head"), [Completed, Completed, Cached, Cached]);
    assert_eq!(states(&run, "size"), [Completed, Completed, Cached, Cached]);
}

#[task]
async fn uncached_size<T: serde::Serialize + Clone + Send + Sync + 'static>(_value: T) -> usize {
    size_of::<T>()
}

#[flow(retries = 1)]
async fn other_instance_first() -> Result<usize> {
    if ctx().attempt() == 1 {
        uncached_size(7_u32).await?;
        return Err("again".into());
    }
    Ok(uncached_size(7_u64).await?)
}

#[flowkit::test]
async fn a_later_attempt_of_a_flow_takes_over_no_result_of_another_instance() {
    assert_eq!(other_instance_first().await.unwrap(), 8);
}
