//! Prints the largest body that works on the stack of a worker, through flowkit and through `tokio::spawn` alone.
//!
//! A stack overflow ends its process, so each size is tried in a separate process: this program again.

use std::env;
use std::error::Error;
use std::future::Future;
use std::hint::black_box;
use std::process::{Command, Stdio};

use comfy_table::Table;
use flowkit::prelude::*;
use futures::future::BoxFuture;
use tokio::task::yield_now;

/// What is large in a body, and how the table says it.
const ROWS: [(&str, &str); 3] = [
    ("held", "held across an await"),
    ("argument", "taken as an argument"),
    ("result", "given as the result"),
];

/// What runs it, and how the table says it.
const SIDES: [(&str, &str); 4] = [
    ("awaited", "task, awaited"),
    ("submitted", "task, submitted"),
    ("flow", "sub-flow, awaited"),
    ("tokio", "tokio::spawn"),
];

/// A step is a third or a half more than the one before.
const LADDER_KIB: [usize; 15] = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048];

#[task]
async fn held<const N: usize>() -> u8 {
    let bytes = [1_u8; N];
    yield_now().await;
    black_box(&bytes)[N - 1]
}

#[task]
async fn argument<const N: usize>(bytes: [u8; N]) -> u8 {
    yield_now().await;
    black_box(&bytes)[N - 1]
}

#[task]
async fn result<const N: usize>() -> [u8; N] {
    yield_now().await;
    [1; N]
}

#[flow]
async fn held_by_flow<const N: usize>() -> Result<u8> {
    let bytes = [1_u8; N];
    yield_now().await;
    Ok(black_box(&bytes)[N - 1])
}

#[flow]
async fn argument_of_flow<const N: usize>(bytes: [u8; N]) -> Result<u8> {
    yield_now().await;
    Ok(black_box(&bytes)[N - 1])
}

#[flow]
async fn result_of_flow<const N: usize>() -> Result<[u8; N]> {
    yield_now().await;
    Ok([1; N])
}

/// Every body runs inside this flow, on a worker.
#[flow]
async fn tries(row: String, side: String, kib: usize) -> Result<u8> {
    sized(&row, &side, kib)?.await
}

type Tried = BoxFuture<'static, Result<u8>>;

fn sized(row: &str, side: &str, kib: usize) -> Result<Tried> {
    macro_rules! choose {
        ($($step:literal)*) => {
            match kib {
                $($step => tried::<{ $step * 1024 }>(row, side),)*
                _ => Err(format!("{kib} KiB is no step of the ladder").into()),
            }
        };
    }
    choose!(16 24 32 48 64 96 128 192 256 384 512 768 1024 1536 2048)
}

fn tried<const N: usize>(row: &str, side: &str) -> Result<Tried> {
    Ok(match (row, side) {
        ("held", "awaited") => boxed(|| async { Ok(held::<N>().await?) }),
        ("held", "submitted") => boxed(|| async { Ok(held::<N>().submit().await?) }),
        ("held", "flow") => boxed(|| async { Ok(held_by_flow::<N>().await?) }),
        ("held", "tokio") => boxed(|| async { Ok(tokio::spawn(held::raw::<N>()).await?) }),
        ("argument", "awaited") => boxed(|| async { Ok(argument([1; N]).await?) }),
        ("argument", "submitted") => boxed(|| async { Ok(argument([1; N]).submit().await?) }),
        ("argument", "flow") => boxed(|| async { Ok(argument_of_flow([1; N]).await?) }),
        ("argument", "tokio") => boxed(|| async { Ok(tokio::spawn(argument::raw([1; N])).await?) }),
        ("result", "awaited") => boxed(|| async { Ok(result::<N>().await?[N - 1]) }),
        ("result", "submitted") => boxed(|| async { Ok(result::<N>().submit().await?[N - 1]) }),
        ("result", "flow") => boxed(|| async { Ok(result_of_flow::<N>().await?[N - 1]) }),
        ("result", "tokio") => boxed(|| async { Ok(tokio::spawn(result::raw::<N>()).await?[N - 1]) }),
        _ => return Err(format!("no body is called {row} {side}").into()),
    })
}

/// A separate function, so that nothing large here stays on the stack.
#[inline(never)]
fn boxed<F: Future<Output = Result<u8>> + Send + 'static>(make: impl FnOnce() -> F) -> Tried {
    Box::pin(make())
}

/// Whether the body works: it does not where its process ends with a stack that has overflowed.
fn works(row: &str, side: &str, kib: usize) -> Result<bool> {
    let mut child = Command::new(env::current_exe()?);
    let status =
        child.args([row, side, &kib.to_string()]).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
    Ok(status.success())
}

/// The largest step that works, found by halves.
fn largest(row: &str, side: &str) -> Result<String> {
    let (mut works_at, mut fails_at) = (None, LADDER_KIB.len());
    loop {
        let next = works_at.map_or(0, |step| step + 1);
        if next == fails_at {
            break;
        }
        let middle = next + (fails_at - next) / 2;
        match works(row, side, LADDER_KIB[middle])? {
            true => works_at = Some(middle),
            false => fails_at = middle,
        }
    }
    Ok(match works_at {
        None => format!("< {} KiB", LADDER_KIB[0]),
        Some(step) if step + 1 == LADDER_KIB.len() => format!("≥ {} KiB", LADDER_KIB[step]),
        Some(step) => format!("{} KiB", LADDER_KIB[step]),
    })
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let arguments: Vec<_> = env::args().skip(1).collect();
    if let [row, side, kib] = &arguments[..] {
        let tokio = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build()?;
        let value = tokio.block_on(tries(row.clone(), side.clone(), kib.parse()?).run()).into_result()?;
        return if value == 1 { Ok(()) } else { Err("the body gave what it was not given".into()) };
    }
    let mut table = Table::new();
    table.set_header(std::iter::once("largest body").chain(SIDES.map(|(_, title)| title)));
    for (row, title) in ROWS {
        let cells = SIDES.iter().map(|(side, _)| largest(row, side)).collect::<Result<Vec<_>>>()?;
        table.add_row(std::iter::once(title.to_owned()).chain(cells));
    }
    println!("{table}");
    Ok(())
}
