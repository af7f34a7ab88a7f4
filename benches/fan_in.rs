//! How the cost of one task that takes many handles grows, and that of waiting for many: relative to the map that makes them,
//! in one process. See the README beside it.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};

use clap::Parser;
use flowkit::prelude::*;
use flowkit_benches::bodies;
use flowkit_benches::measure::{median, runtime};
use flowkit_benches::million::peak_resident_bytes;

/// What may come on top of the map, which each shape contains: (time of the shape) / (time of the map).
const BOUND: f64 = 3.0;

const PASSES: usize = 3;

/// One task that takes many handles, and waits for many, against the map that makes them.
#[derive(Parser)]
struct Options {
    /// How many handles.
    #[arg(long, default_value_t = 1_000_000)]
    width: u64,
    /// Ten thousand handles: a smoke test.
    #[arg(long)]
    quick: bool,
    /// Cargo passes this to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

#[task]
async fn add(a: u64, b: u64) -> u64 {
    bodies::add(a, b).await
}

#[task]
async fn sum(xs: &[u64]) -> u64 {
    bodies::sum(xs).await
}

#[flow]
async fn map(width: u64) -> Result<u64> {
    Ok(bodies::wrapping_sum(add::map(0..width, 1_u64).await?))
}

#[flow]
async fn fan_in(width: u64) -> Result<u64> {
    Ok(sum::of(add::map(0..width, 1_u64)).submit().await?)
}

#[flow]
async fn fan_in_awaited_in_place(width: u64) -> Result<u64> {
    Ok(sum::of(add::map(0..width, 1_u64)).await?)
}

#[flow]
async fn settled(width: u64) -> Result<u64> {
    let results = settle_all(add::map(0..width, 1_u64)).await;
    Ok(bodies::wrapping_sum(results.into_iter().flatten()))
}

#[flow]
async fn completed(width: u64) -> Result<u64> {
    let (mut ended, mut total) = (as_completed(add::map(0..width, 1_u64)), 0_u64);
    while let Some((_, result)) = ended.next().await {
        total = total.wrapping_add(result?);
    }
    Ok(total)
}

/// The first that ends succeeds, and all others are cancelled.
#[flow]
async fn first_succeeded(width: u64) -> Result<u64> {
    let first = first_success(add::map(0..width, 1_u64)).await;
    Ok(if first.is_ok() { bodies::wrapping_sum(1..=width) } else { 0 })
}

type Work = Pin<Box<dyn Future<Output = Result<u64>> + Send>>;

/// The map comes first: the others are relative to it.
type Shape = (&'static str, fn(u64) -> Work);

const SHAPES: [Shape; 6] = [
    ("map", |width| Box::pin(async move { Ok(map(width).await?) })),
    ("fan-in, submitted", |width| Box::pin(async move { Ok(fan_in(width).await?) })),
    ("fan-in, awaited in place", |width| Box::pin(async move { Ok(fan_in_awaited_in_place(width).await?) })),
    ("settle_all", |width| Box::pin(async move { Ok(settled(width).await?) })),
    ("as_completed", |width| Box::pin(async move { Ok(completed(width).await?) })),
    ("first_success", |width| Box::pin(async move { Ok(first_succeeded(width).await?) })),
];

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let width = if options.quick || !options.bench { 10_000 } else { options.width };
    let (runtime, mut times) = (runtime(), vec![Vec::new(); SHAPES.len()]);
    for _ in 0..PASSES {
        for ((name, work), times) in SHAPES.iter().zip(&mut times) {
            let work = work(width);
            // On a worker: a hand-off to the thread that blocks costs many times one between workers.
            let timed = runtime.spawn(async move {
                let started = Instant::now();
                let result = work.await;
                (started.elapsed(), result.map_err(|error| error.to_string()))
            });
            let (elapsed, result) = runtime.block_on(timed)?;
            assert_eq!(result?, bodies::wrapping_sum(1..=width), "`{name}` gives a wrong result");
            times.push(elapsed);
        }
    }
    let medians: Vec<Duration> = times.into_iter().filter_map(median).collect();
    println!("{width} handles; the peak of the resident memory, of all shapes: {} MB", peak());
    for ((name, _), time) in SHAPES.iter().zip(&medians) {
        let ratio = time.as_secs_f64() / medians[0].as_secs_f64();
        let verdict = if ratio <= BOUND { "reached" } else { "MISSED" };
        println!(
            "{name:26} {:8.1} ms {ratio:8.2} × the map, at most {BOUND}: {verdict}",
            1e3 * time.as_secs_f64()
        );
    }
    Ok(())
}

fn peak() -> String {
    peak_resident_bytes().map_or_else(|| "-".to_owned(), |bytes| (bytes / 1_000_000).to_string())
}
