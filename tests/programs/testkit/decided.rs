//! A flow that decides by the order in which runs end, and orders accordingly. Its process dies after the decision.

use std::time::Duration;

use flowkit::prelude::*;
use flowkit::store::SqliteStore;
use flowkit::{BoxError, Runtime, wait_within};
use tokio::sync::Semaphore;

use crate::{Said, database, folder, note, runs};

/// What is slow waits until it may end, so that no machine is too slow to be the faster one.
static MAY_END: Semaphore = Semaphore::const_new(0);

const NO_TIME: Duration = Duration::from_millis(1);

#[task]
async fn offer(way: String, is_slow: bool) -> std::result::Result<String, String> {
    if is_slow {
        // It is never closed.
        MAY_END.acquire().await.map_err(|error| error.to_string())?.forget();
    }
    let offer = format!("{} {way}", if is_slow { "slow" } else { "fast" });
    if way == "first_failure" { Err(offer) } else { Ok(offer) }
}

#[task]
async fn rumour() -> u32 {
    7
}

#[task(at_most_once)]
async fn runner(is_slow: bool) -> std::io::Result<String> {
    note(if is_slow { "the slow one runs" } else { "the fast one runs" })?;
    if is_slow {
        std::future::pending::<()>().await;
    }
    Ok("the fast one".to_owned())
}

#[task(at_most_once)]
async fn order(what: String) -> std::io::Result<()> {
    note(&format!("order {what}"))
}

#[task]
async fn last() -> u32 {
    if folder().join("dies").exists() {
        std::process::abort();
    }
    1
}

/// Starts a slow one and a fast one.
fn offers(way: &str) -> [Handle<String, String>; 2] {
    [("slow", true), ("fast", false)]
        .map(|(name, is_slow)| offer(way.to_owned(), is_slow).named(format!("{name} {way}")).submit())
}

#[flow]
async fn decides() -> Result<()> {
    let both = offers("as_completed");
    let (_, first) = as_completed(both.clone()).next().await.ok_or("there are two")?;
    order(first?).await?;
    MAY_END.add_permits(1);
    settle_all(both).await;

    let both = offers("first_failure");
    let failure = first_failure(both.clone()).await.ok_or("both fail")?;
    order(failure.run().as_str().to_owned()).await?;
    MAY_END.add_permits(1);
    settle_all(both).await;

    let (slow, rumour) = (offer("first_ended".to_owned(), true).submit(), rumour().submit());
    order(format!("first_ended {}", first_ended([&slow, &rumour]).await)).await?;
    MAY_END.add_permits(1);
    slow.await?;

    let slow = offer("next_within".to_owned(), true).submit();
    let mut slow = as_completed([slow]);
    let in_time = slow.next_within(NO_TIME).await.is_ok();
    order(format!("next_within {in_time}")).await?;
    MAY_END.add_permits(1);
    slow.next().await.ok_or("it comes")?.1?;

    let slow = offer("wait_within".to_owned(), true).submit();
    let (ended, pending) = wait_within([slow], NO_TIME).await;
    order(format!("wait_within {} {}", ended.len(), pending.len())).await?;
    MAY_END.add_permits(1);
    settle_all(pending).await;

    let runners = [true, false].map(|is_slow| runner(is_slow).submit());
    let winner = first_success(runners.clone()).await.map_err(|_| "nobody wins")?;
    settle_all(runners).await;
    order(winner).await?;
    last().await?;
    Ok(())
}

/// Begins the run, or resumes it.
pub(crate) async fn run(_: &Said) -> Result<(), BoxError> {
    let store = SqliteStore::open(database())?;
    let earlier = runs(&store)?.pop();
    let runtime = Runtime::builder().store(store).build();
    match earlier {
        None => decides().on(&runtime).await?,
        Some(run) => decides::resume(run.id).on(&runtime).await?,
    }
    Ok(())
}
