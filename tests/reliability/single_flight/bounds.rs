//! The cache in memory keeps 10,000 results; the oldest give way.

use std::time::Duration;

use flowkit::prelude::*;

use State::{Cached, Completed};

const ENTRIES_MAX: u32 = 10_000;

#[task(cache = "inputs")]
async fn kept(number: u32) -> u32 {
    number
}

/// Whether a result is in the cache; it is afterwards.
async fn look(number: u32) -> State {
    kept(number).submit().ended().await
}

#[flow]
async fn one_too_many() -> Result<()> {
    for number in 0..ENTRIES_MAX {
        kept(number).await?;
    }
    assert_eq!(look(0).await, Cached, "there is room for as many");
    kept(ENTRIES_MAX).await?;
    assert_eq!(look(ENTRIES_MAX).await, Cached);
    assert_eq!(look(ENTRIES_MAX / 2).await, Cached);
    assert_eq!(look(0).await, Completed, "the oldest gave way");
    Ok(())
}

#[flowkit::test]
async fn r39_of_more_than_ten_thousand_results_the_oldest_give_way() {
    one_too_many().await.unwrap();
}

#[flow]
async fn one_often_made_anew() -> Result<()> {
    for number in 0..ENTRIES_MAX {
        kept(number).await?;
    }
    for _ in 0..ENTRIES_MAX {
        kept(0).refresh_cache().await?;
    }
    kept(ENTRIES_MAX).await?;
    assert_eq!(look(0).await, Cached);
    assert_eq!(look(ENTRIES_MAX / 2).await, Cached, "it took the room of one, not of ten thousand");
    assert_eq!(look(1).await, Completed);
    Ok(())
}

#[flowkit::test]
async fn r39_a_result_that_is_made_anew_often_drives_no_other_out() {
    one_often_made_anew().await.unwrap();
}

#[flow]
async fn many_at_once() -> Result<Vec<u32>> {
    #[task(cache = "inputs")]
    async fn slow(number: u32) -> u32 {
        tokio::time::sleep(Duration::from_millis(1 + u64::from(number))).await;
        number
    }
    slow::map(0..2 * ENTRIES_MAX).await?;
    let again = slow::map(0..2 * ENTRIES_MAX);
    let mut cached = Vec::new();
    for (number, handle) in (0..).zip(again.list().await?) {
        if handle.ended().await == Cached {
            cached.push(number);
        }
    }
    Ok(cached)
}

#[flowkit::test]
async fn r39_more_executions_at_once_than_there_is_room_for_keep_the_latest() {
    let latest: Vec<u32> = (ENTRIES_MAX..2 * ENTRIES_MAX).collect();
    let kept = many_at_once().await.unwrap();
    assert!(kept == latest, "{} from {:?} to {:?}", kept.len(), kept.first(), kept.last());
}
