//! What you learn: shell commands as tasks. A process lives as long as its task and no longer; its exit code, its output and its
//! signal are part of the error; exit code 99 means that there is nothing to do, as with Airflow's `BashOperator`.
//!
//! cargo run --example bash_validate
//!
//! ```text
//! good.csv     Completed
//! ragged.csv   Failed: `sh` ended with exit code 3: line 3 has 2 columns of 3
//! empty.csv    Skipped: task `validate empty.csv` was skipped: `sh` had nothing to do (exit code 99)
//! endless.csv  TimedOut: task `validate endless.csv` timed out: it was still running after 2s
//! ```

use std::fs;
use std::path::PathBuf;

use flowkit::prelude::*;
use flowkit::{Command, CommandError};

/// Every line must have as many columns as the header.
const SCRIPT: &str = r#"
test -f "$FILE" -a ! -s "$FILE" && exit 99
awk -F, 'NR == 1 { n = NF } NF != n { print "line " NR " has " NF " columns of " n; exit 3 }' "$FILE" >&2
"#;

#[task(run_name = "validate {name}", timeout = "2s")]
async fn validate(name: String, folder: PathBuf) -> Result<(), CommandError> {
    Command::shell(SCRIPT).env("FILE", &name).current_dir(folder).run().await
}

#[flow]
async fn bash_validate(folder: PathBuf) -> Result<()> {
    let names = ["good.csv", "ragged.csv", "empty.csv", "endless.csv"];
    let checks = names.map(|name| validate(name.into(), folder.clone()).submit());
    for (name, check) in names.iter().zip(&checks) {
        let state = check.ended().await;
        let reason = match check.await {
            Ok(()) => String::new(),
            Err(error) => format!(": {}", error.task_error().map_or(error.to_string(), ToString::to_string)),
        };
        println!("{name:<11}  {state}{reason}");
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("bash_validate-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("good.csv"), "a,b,c\n1,2,3\n")?;
    fs::write(folder.join("ragged.csv"), "a,b,c\n1,2,3\n4,5\n")?;
    fs::write(folder.join("empty.csv"), "")?;
    Command::new("mkfifo").arg(folder.join("endless.csv")).run().await?; // a pipe that is never filled
    let result = bash_validate(folder.clone()).await;
    fs::remove_dir_all(folder)?;
    Ok(result?)
}
