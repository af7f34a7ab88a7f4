//! The steps of the pipeline. Each takes and returns paths of files: large data stays on disk.

use std::fs;
use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use flowkit::artifact;
use flowkit::prelude::*;
use ml::{Forest, ForestOptions, Scores, Table};
use serde::{Deserialize, Serialize};

const WINE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/winequality-red.csv");
const SEED: u64 = 42;

/// Makes a folder for this run alone, even when it is resumed: parallel runs must not share files.
pub(crate) fn folder_of_run(folder: &Path) -> Result<PathBuf> {
    let run = ctx().flow_run_id().ok_or("the flow runs as a run")?;
    let folder = folder.join(run.to_string());
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

pub(crate) fn own_registry(folder: &Path) -> io::Result<PathBuf> {
    let registry = folder.join("registry");
    fs::create_dir_all(&registry)?;
    Ok(registry)
}

/// Names the version after the time. A resumed run gets the recorded time, so it registers no second version.
pub(crate) async fn version() -> Result<u64> {
    #[expect(clippy::disallowed_methods, reason = "what is not flowkit's own code may read the clock")]
    let now = flowkit::once("now", SystemTime::now).await?;
    Ok(now.duration_since(UNIX_EPOCH)?.as_millis() as u64)
}

/// Normalizes the data: numbers, with the class in the last column. A wine has class 1 if tasters gave it 6 or more.
#[task]
pub(crate) fn collect(data: String, folder: PathBuf) -> Result<PathBuf> {
    let table = match data.as_str() {
        "wine" => Table::read(WINE.as_ref(), |quality| u32::from(quality >= 6.0))?,
        "generated" => Table::generated(1000, SEED),
        path => Table::read(path.as_ref(), |class| class as u32)?,
    };
    let raw = folder.join("raw.csv");
    table.write(&raw)?;
    Ok(raw)
}

/// What the checks of the data found.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Report {
    rows: usize,
    missing: usize,
    rarer_share: f64,
}

#[derive(Serialize)]
struct Check {
    name: &'static str,
    passed: bool,
    found: String,
}

/// Checks the data, and names each check that fails.
#[task]
pub(crate) fn validate(raw: &Path) -> Result<Report> {
    let table = Table::read(raw, |class| class as u32)?;
    let missing = table.rows.iter().flatten().filter(|value| value.is_nan()).count();
    let report = Report { rows: table.len(), missing, rarer_share: table.rarer_share() };
    let check = |name, passed, found| Check { name, passed, found };
    let share =
        format!("{:.0}% of the rows are of the rarer class, of at least 30%", report.rarer_share * 100.0);
    let checks = [
        check("no_nulls", report.missing == 0, format!("{} values are missing", report.missing)),
        check("sufficient_size", report.rows >= 500, format!("{} rows, of at least 500", report.rows)),
        check("target_balance", report.rarer_share >= 0.3, share),
    ];
    artifact::table("checks", &checks)?;
    let failed = checks.iter().filter(|check| !check.passed);
    let failed: Vec<_> = failed.map(|check| format!("{}: {}", check.name, check.found)).collect();
    if failed.is_empty() {
        return Ok(report);
    }
    // The data will be no better at the next attempt.
    Err(fatal(format!("the data is not good enough: {}", failed.join("; ")).into()))
}

/// The four files of a split.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Parts {
    x_train: PathBuf,
    y_train: PathBuf,
    x_test: PathBuf,
    y_test: PathBuf,
}

/// Reserves a fifth of the rows for the test.
#[task]
pub(crate) fn split(raw: &Path) -> Result<Parts> {
    let [train, test] = Table::read(raw, |class| class as u32)?.split(0.2, SEED);
    let beside = |name: &str| raw.with_file_name(name);
    let parts = Parts {
        x_train: beside("x_train.csv"),
        y_train: beside("y_train.csv"),
        x_test: beside("x_test.csv"),
        y_test: beside("y_test.csv"),
    };
    train.write_pair(&parts.x_train, &parts.y_train)?;
    test.write_pair(&parts.x_test, &parts.y_test)?;
    Ok(parts)
}

#[task]
pub(crate) fn train(parts: &Parts, trees: u16, model: PathBuf) -> Result<PathBuf> {
    let table = Table::read_pair(&parts.x_train, &parts.y_train)?;
    let forest = Forest::train(&table, ForestOptions { trees, depth: None }, SEED)?;
    ml::replace(&model, &serde_json::to_vec(&forest)?)?;
    Ok(model)
}

#[task]
pub(crate) fn evaluate(parts: &Parts, model: &Path) -> Result<Scores> {
    let forest: Forest = serde_json::from_slice(&fs::read(model)?)?;
    let scores = forest.evaluate(&Table::read_pair(&parts.x_test, &parts.y_test)?)?;
    // For `compare`, which shows runs side by side.
    flowkit::metric("accuracy", scores.accuracy);
    flowkit::metric("f1", scores.f1);
    Ok(scores)
}

/// Copies the model into the registry, as a new version.
#[task]
pub(crate) fn register(model: &Path, registry: PathBuf, version: u64) -> Result<PathBuf> {
    if !registry.is_dir() {
        // Not created here: it may be a disk that is not mounted.
        let registry = registry.display();
        return Err(format!("the registry `{registry}` is not there; make the folder, or mount it").into());
    }
    let copy = registry.join(format!("model_{version}.json"));
    ml::replace(&copy, &fs::read(model)?)?;
    artifact::link("model", format!("file://{}", copy.display()));
    Ok(copy)
}

/// Posts the reason to a webhook, if there is one.
#[task]
pub(crate) fn alert(reason: String, webhook: Option<String>) -> Result<()> {
    let Some(host) = webhook else { return Ok(()) };
    let mut stream = TcpStream::connect(&host)?;
    let length = reason.len();
    write!(
        stream,
        "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{reason}"
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let status = answer.lines().next().unwrap_or_default();
    if status.contains(" 2") { Ok(()) } else { Err(format!("the webhook answered `{status}`").into()) }
}
