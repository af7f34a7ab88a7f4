//! What you learn: extract, transform, validate and load as small functions. The source is flaky, so it is retried.
//!
//! cargo run --example etl
//!
//! ```text
//! quality  wines  alcohol  bound SO2
//!       3     10    9.96%  13.9 mg/l
//!       4     53   10.27%  24.0 mg/l
//!       5    577    9.89%  40.2 mg/l
//!       6    535   10.66%  25.2 mg/l
//!       7    167   11.49%  21.5 mg/l
//!       8     17   12.16%  20.7 mg/l
//! 6 rows in /tmp/wine-summary.csv
//! ```
//!
//! Meanwhile, on standard error:
//!
//! ```text
//! start   ETL                  run=58whadf
//! retry   extract              attempt=1/4 after=0.005s in=0.100s error="the answer ended after 42099 of 84199 bytes"
//! ok      extract              0.100s attempt=2
//! ok      clean                0.007s
//! ok      quality 8            0.000702s
//! ok      quality 6            0.000448s
//! ok      quality 7            0.000411s
//! ok      quality 3            0.000672s
//! ok      quality 4            0.000604s
//! ok      quality 5            0.000545s
//! ok      validate             0.000103s
//! ok      load                 0.000611s
//! OK  ETL  0.115s  10 tasks: 10 ran 1 retry
//! ```

use std::collections::HashSet;
use std::path::PathBuf;
use std::{fs, io};

use flowkit::prelude::*;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/winequality-red.csv");

#[derive(Clone, Debug)]
struct Wine {
    quality: u32,
    alcohol: f64,
    /// Bound sulphur dioxide, in mg/l: the total less the free part.
    bound_so2: f64,
}

#[derive(Clone, Debug)]
struct Summary {
    quality: u32,
    wines: usize,
    alcohol: f64,
    bound_so2: f64,
}

/// Downloads the table. The first answer breaks off halfway, as on a bad connection.
#[task(retries = 3, retry_delay = "100ms", backoff = "exponential", timeout = "30s")]
fn extract(source: String) -> io::Result<String> {
    let table = fs::read_to_string(source)?;
    let received = if ctx().attempt() == 1 { table.len() / 2 } else { table.len() };
    if received < table.len() {
        let what = format!("the answer ended after {received} of {} bytes", table.len());
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
    }
    Ok(table)
}

/// Drops duplicate lines, and reads the columns that we need.
#[task]
fn clean(table: &str) -> Result<Vec<Wine>> {
    let mut seen = HashSet::new();
    let lines = table.lines().skip(1).filter(|line| seen.insert(*line));
    lines
        .map(|line| {
            let row = line.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
            let [.., free_so2, total_so2, _, _, _, alcohol, quality] = row[..] else {
                return Err(format!("too few columns in `{line}`").into());
            };
            Ok(Wine { quality: quality as u32, alcohol, bound_so2: total_so2 - free_so2 })
        })
        .collect()
}

#[task(run_name = "quality {quality}")]
fn summarize(quality: u32, wines: &[Wine]) -> Summary {
    let of_quality: Vec<&Wine> = wines.iter().filter(|wine| wine.quality == quality).collect();
    let mean = |value: fn(&Wine) -> f64| {
        of_quality.iter().map(|wine| value(wine)).sum::<f64>() / of_quality.len() as f64
    };
    Summary {
        quality,
        wines: of_quality.len(),
        alcohol: mean(|wine| wine.alcohol),
        bound_so2: mean(|wine| wine.bound_so2),
    }
}

/// Passes the summaries on if every wine is in one of them and their values are plausible.
#[task]
fn validate(summaries: Vec<Summary>, wines: &[Wine]) -> Result<Vec<Summary>> {
    let counted: usize = summaries.iter().map(|summary| summary.wines).sum();
    if counted != wines.len() {
        return Err(format!("{counted} wines are summed up, of {}", wines.len()).into());
    }
    match summaries.iter().find(|summary| !(5.0..20.0).contains(&summary.alcohol)) {
        Some(strange) => Err(format!("no wine has {} % alcohol", strange.alcohol).into()),
        None => Ok(summaries),
    }
}

/// Writes beside the target and renames: readers see the old table or the new one, never half of it.
#[task(retries = 2, retry_delay = "1s")]
fn load(summaries: &[Summary], target: PathBuf) -> io::Result<PathBuf> {
    let mut table = String::from("quality,wines,alcohol,bound_so2\n");
    for Summary { quality, wines, alcohol, bound_so2 } in summaries {
        table += &format!("{quality},{wines},{alcohol:.2},{bound_so2:.1}\n");
    }
    let partial = target.with_extension(format!("{}.partial", std::process::id()));
    fs::write(&partial, table)?;
    fs::rename(&partial, &target)?;
    Ok(target)
}

/// Summarizes red wines by quality.
#[flow(name = "ETL", timeout = "10m")]
async fn etl(source: String, target: PathBuf) -> Result<Vec<Summary>> {
    let wines = clean::of(extract(source)).submit();
    let summaries = summarize::map(3..=8, &wines);
    let valid = validate::of(&summaries, &wines).submit();
    load::of(&valid, target).await?;
    Ok(valid.await?)
}

#[tokio::main]
async fn main() -> Result<()> {
    flowkit::observe(flowkit::terminal::lines());
    let target = std::env::temp_dir().join("wine-summary.csv");
    let run = etl(SOURCE.into(), target.clone()).run().await;
    // `cargo run --example etl docs/etl.svg` draws the graph of the run as well.
    if let Some(picture) = std::env::args().nth(1) {
        fs::write(picture, run.graph().to_svg())?;
    }
    println!("quality  wines  alcohol  bound SO2");
    let summaries = run.into_result()?;
    for Summary { quality, wines, alcohol, bound_so2 } in &summaries {
        println!("{quality:>7}  {wines:>5}  {alcohol:>6.2}%  {bound_so2:>4.1} mg/l");
    }
    println!("{} rows in {}", summaries.len(), target.display());
    Ok(())
}
