//! Races between runs whose speed differs in each process: the winner is placed, at most once.

use std::fmt::{self, Display, Formatter};
use std::io;
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::{first_ended, wait_within};
use serde::{Deserialize, Serialize};

use super::{Ended, drawn, drawn_here, happens};
use crate::note;

/// How the winner is found.
#[derive(Clone, Copy, Debug, Hash, Serialize, Deserialize)]
pub(super) enum Way {
    AsCompleted,
    FirstSuccess,
    FirstEnded,
    NextWithin,
    WaitWithin,
}

impl Way {
    pub(super) const ALL: [Self; 5] =
        [Self::AsCompleted, Self::FirstSuccess, Self::FirstEnded, Self::NextWithin, Self::WaitWithin];
}

impl Display for Way {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{self:?}")
    }
}

/// Takes up to 4 ms in this process.
fn speed(way: Way, runner: u64) -> Duration {
    Duration::from_micros(500 * drawn_here(("speed", way, runner), 9))
}

#[task(run_name = "{way} runs {runner}")]
async fn runs(way: Way, runner: u64) -> io::Result<u64> {
    tokio::time::sleep(speed(way, runner)).await;
    note(&format!("plain {} {way} runs {runner}", ctx().idempotency_key().unwrap_or_default()))?;
    Ok(runner)
}

/// The result does not outlive the process.
#[task(persist = "never", run_name = "{way} strolls {runner}")]
async fn strolls(way: Way, runner: u64) -> io::Result<u64> {
    tokio::time::sleep(speed(way, runner)).await;
    note(&format!("plain {} {way} strolls {runner}", ctx().idempotency_key().unwrap_or_default()))?;
    Ok(runner)
}

#[task(at_most_once, run_name = "{way} dashes {runner}")]
async fn dashes(way: Way, runner: u64) -> io::Result<u64> {
    tokio::time::sleep(speed(way, runner)).await;
    happens(format!("{way} dashes {runner}")).await?;
    Ok(runner)
}

#[task(run_name = "{way} stumbles {runner}")]
async fn stumbles(way: Way, runner: u64) -> io::Result<u64> {
    tokio::time::sleep(speed(way, runner)).await;
    Err(io::Error::other("stumbled"))
}

#[task(at_most_once, run_name = "place {way}")]
async fn place(way: Way, who: String) -> io::Result<String> {
    let _ = who;
    happens(format!("place {way}")).await
}

/// Takes the result of the winner, which may be a recomputed one.
#[task(at_most_once, run_name = "praise {way}")]
async fn praise(way: Way, winner: u64) -> io::Result<String> {
    let _ = winner;
    happens(format!("praise {way}")).await
}

fn start(way: Way, seed: u64, runner: u64) -> Handle<u64, io::Error> {
    match (drawn(seed, ("kind", way, runner), 6), way) {
        (0 | 1, _) => runs(way, runner).submit(),
        (2, _) => dashes(way, runner).submit(),
        // Only here a failure does not decide, and may be retried.
        (3, Way::FirstSuccess) => stumbles(way, runner).submit(),
        _ => strolls(way, runner).submit(),
    }
}

/// Lets three of them race; returns how the placing and the praising ended.
pub(super) async fn decide(way: Way, seed: u64) -> Result<Vec<Ended>> {
    let mut order = [0, 1, 2];
    order.sort_by_key(|runner| drawn_here(("start", way, runner), u64::MAX));
    let mut runners = order.map(|runner| (runner, start(way, seed, runner)));
    runners.sort_by_key(|(runner, _)| *runner);
    let runners = runners.map(|(_, handle)| handle);
    let limit = Duration::from_micros(500 * drawn_here(("limit", way), 9));
    let position = |found: Option<(usize, _)>| found.map(|(position, _)| position);
    let (who, winner) = match way {
        Way::AsCompleted => {
            let first = position(as_completed(runners.clone()).next().await);
            (format!("{first:?}"), first)
        }
        Way::FirstEnded => {
            let first = first_ended([&runners[0], &runners[1], &runners[2]]).await;
            (format!("{first}"), Some(first))
        }
        Way::FirstSuccess => {
            let first = first_success(runners.clone()).await.ok();
            (format!("{first:?}"), first.map(|first| first as usize))
        }
        Way::NextWithin => {
            let first = as_completed(runners.clone()).next_within(limit).await;
            let first = first.ok().and_then(position);
            (format!("{first:?}"), first)
        }
        Way::WaitWithin => {
            let (ended, _) = wait_within(runners.clone(), limit).await;
            let ended: Vec<_> = settle_all(ended).await.into_iter().map(std::result::Result::ok).collect();
            (format!("{ended:?}"), None)
        }
    };
    let mut all = vec![Ended::new(format!("place {way}"), place(way, who).await)];
    if let Some(winner) = winner {
        all.push(Ended::new(format!("praise {way}"), praise::of(way, &runners[winner]).await));
    }
    if drawn(seed, ("cancels", way), 2) == 0 {
        runners.iter().for_each(Handle::cancel);
    }
    settle_all(runners).await;
    Ok(all)
}

/// The same as a separate run.
#[flow]
pub(super) async fn race(way: Way, seed: u64) -> Result<Vec<Ended>> {
    decide(way, seed).await
}
