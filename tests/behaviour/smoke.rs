//! The smallest flow there is.

use flowkit::prelude::*;

#[task]
async fn add(a: u64, b: u64) -> u64 {
    a + b
}

#[flow]
async fn sum() -> Result<u64> {
    let first = add(1, 2).submit();
    Ok(add::of(&first, 4u64).await?)
}

#[flowkit::test]
async fn a_flow_gives_the_result_of_its_tasks() {
    assert_eq!(sum().await.unwrap(), 7);
}
