//! The flow of most crash tests: pairs of tasks, the second of which relies on the first, and a few that run at most once.
//!
//! Task `k` notes `begin k` when it runs; a task that uses its result notes `relied k`: from then on `k` must never begin
//! again. A task that may run at most once notes `charge k`. At the end come `charged n`, how many of these are known to
//! have succeeded, and `sum n`.

use std::io;
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::{BoxError, Runtime};
use serde::{Deserialize, Serialize};

use crate::{Said, note, open, pay, runs};

/// One of so many pairs has a task that runs at most once.
const CHARGED: u64 = 5;

#[derive(Clone, Serialize, Deserialize)]
struct Square {
    value: u64,
    /// Makes the result as large as wanted, and different from all others.
    ballast: String,
}

#[task(concurrency = "slots")]
async fn work(k: u64, ballast: usize, pace: u64) -> io::Result<Square> {
    note(&format!("begin {k}"))?;
    pay(&format!("work {k}"))?;
    tokio::time::sleep(Duration::from_micros((500 + k % 7 * 700) * pace)).await;
    Ok(Square { value: k * k, ballast: format!("{k}{}", ".".repeat(ballast)) })
}

#[task(concurrency = "slots")]
async fn rely(k: u64, square: &Square) -> io::Result<u64> {
    note(&format!("relied {k}"))?;
    pay(&format!("rely {k}"))?;
    Ok(square.value + 1)
}

#[task(concurrency = "slots", at_most_once)]
async fn charge(k: u64) -> io::Result<()> {
    note(&format!("charge {k}"))?;
    tokio::time::sleep(Duration::from_millis(1)).await;
    Ok(())
}

/// A part is its own run, so that sub-flows are killed too.
#[flow]
async fn part(from: u64, to: u64, ballast: usize, pace: u64) -> Result<(u64, u64)> {
    let (mut relied, mut charges) = (Vec::new(), Vec::new());
    for k in from..to {
        let square = work(k, ballast, pace).submit();
        relied.push(rely::submit(k, &square));
        if k % CHARGED == 0 {
            charges.push(charge(k).submit());
        }
    }
    let (mut sum, mut charged) = (0, 0);
    for handle in relied {
        sum += handle.await?;
    }
    for charge in charges {
        // One that was running when the process died has failed, and stays so.
        charged += u64::from(charge.await.is_ok());
    }
    Ok((sum, charged))
}

#[flow]
pub(crate) async fn squares(pairs: u64, ballast: usize, pace: u64) -> Result<(u64, u64)> {
    let half = pairs / 2;
    let first = part(0, half, ballast, pace).submit();
    let second = part(half, pairs, ballast, pace).submit();
    let (first, second) = (first.await?, second.await?);
    Ok((first.0 + second.0, first.1 + second.1))
}

/// `<pairs> <at most so many at a time> <bytes of each result> <poison cap> <times as slow>`: resumes the newest run, or
/// begins one.
pub(crate) async fn run(said: &Said) -> Result<(), BoxError> {
    let (pairs, slots, ballast) = (said.number(0)?, said.number(1)?, said.number(2)?);
    let store = open()?;
    let earlier = runs(&store)?.into_iter().next();
    let (slots, max_crashes) = (u32::try_from(slots)?, u32::try_from(said.number(3)?)?);
    let runtime = Runtime::builder().store(store).limit("slots", slots).max_crashes(max_crashes).build();
    let (sum, charged) = match earlier {
        Some(run) => squares::resume(run.id).on(&runtime).await?,
        None => squares(pairs, usize::try_from(ballast)?, said.number(4)?).on(&runtime).await?,
    };
    note(&format!("charged {charged}"))?;
    note(&format!("sum {sum}"))?;
    Ok(())
}
