//! Measures what the verbs that look back cost for a run of a million task runs: time, and the peak of the resident memory, each
//! in a process of its own. Prints a report, and says which promise is broken.
//!
//! ```sh
//! cargo run --profile bench -p flowkit-benches --bin look-back              # a million task runs
//! cargo run --profile bench -p flowkit-benches --bin look-back -- 10000    # that many
//! ```

use std::error::Error;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use comfy_table::Table;
use flowkit::Cli;
use flowkit::prelude::*;
use flowkit_benches::million::peak_resident_bytes;
use tempfile::TempDir;

/// Set where this program is the command line that is measured.
const IS_MEASURED: &str = "LOOK_BACK_IS_MEASURED";

/// Begins the line that a measured process writes last to standard error.
const PEAK: &str = "peak resident bytes: ";

/// The promise: no verb takes more, however many task runs there are.
const PEAK_MAX: u64 = 200 << 20;

const VERBS: [&[&str]; 9] = [
    &["show"],
    &["show", "last", "first[7]"],
    &["show", "--slow"],
    &["show", "--output", "json"],
    &["watch"],
    &["graph"],
    &["graph", "--format", "svg"],
    &["graph", "--format", "json"],
    &["diff", "last", "last"],
];

#[task]
async fn first(number: u32) -> u32 {
    number
}

#[task]
async fn second(number: u32) -> u32 {
    number + 1
}

/// Half of the task runs each take the result of one of the other half.
#[flow]
async fn many(task_runs: u32) -> Result<u32> {
    let firsts = first::map(0..task_runs / 2);
    let seconds = second::map(firsts).await?;
    Ok(u32::try_from(seconds.len())?)
}

fn main() -> ExitCode {
    if std::env::var_os(IS_MEASURED).is_some() {
        return be_measured();
    }
    let typed = std::env::args().nth(1).unwrap_or_else(|| "1000000".to_owned());
    match typed.parse().map_err(Into::into).and_then(report) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Is the command line, and says at its end how much memory it took.
fn be_measured() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let Ok(runtime) = runtime else { return ExitCode::FAILURE };
    let exit = runtime.block_on(Cli::new().flow(many::spec()).flow(other::spec()).run());
    if let Some(bytes) = peak_resident_bytes() {
        eprintln!("{PEAK}{bytes}");
    }
    std::process::Termination::report(exit)
}

/// A second flow, so that `run` is a verb.
#[flow]
async fn other() -> Result<()> {
    Ok(())
}

fn report(task_runs: u32) -> Result<ExitCode, Box<dyn Error>> {
    let folder = TempDir::new()?;
    let count = task_runs.to_string();
    let (took, _) = measured(folder.path(), &["run", "many", "--task-runs", &count])?;
    println!("{task_runs} task runs, made in {:.1} s", took.as_secs_f64());
    let mut table = Table::new();
    table.load_preset(comfy_table::presets::NOTHING).set_header(["verb", "seconds", "peak MiB"]);
    let mut is_kept = true;
    for words in VERBS {
        let (took, peak) = measured(folder.path(), words)?;
        is_kept &= peak.is_none_or(|peak| peak <= PEAK_MAX);
        let peak = peak.map_or_else(|| "-".to_owned(), |peak| format!("{:.0}", peak as f64 / 1_048_576.0));
        table.add_row([words.join(" "), format!("{:.1}", took.as_secs_f64()), peak]);
    }
    println!("{table}");
    let words = if is_kept { "kept" } else { "BROKEN" };
    println!("promise: no verb takes more than {} MiB: {words}", PEAK_MAX >> 20);
    Ok(if is_kept { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Calls this program as the command line; returns how long it took, and how much memory.
fn measured(folder: &Path, words: &[&str]) -> Result<(Duration, Option<u64>), Box<dyn Error>> {
    let began = Instant::now();
    let output = Command::new(std::env::current_exe()?)
        .args(words)
        .current_dir(folder)
        .env(IS_MEASURED, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr);
    if !output.status.success() {
        return Err(format!("`{}` failed: {said}", words.join(" ")).into());
    }
    let peak = said.lines().find_map(|line| line.strip_prefix(PEAK)?.parse().ok());
    Ok((began.elapsed(), peak))
}
