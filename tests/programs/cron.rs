//! A program that prints, as cron jobs do: to both streams, by child processes, with and without line breaks.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "no library")]

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use flowkit::prelude::*;

#[task]
async fn announce(line: u32) -> u32 {
    println!("out {line}");
    eprintln!("err {line}");
    line
}

#[task]
async fn by_a_child() -> Result<(), std::io::Error> {
    Command::new("sh").args(["-c", "echo child out; echo child err >&2"]).status().map(drop)
}

#[task(retries = 1)]
async fn load(row: u32, fails: bool) -> Result<u32, std::io::Error> {
    match fails {
        true => Err(std::io::Error::other(format!("row {row} is refused: the disk is full"))),
        false => Ok(row),
    }
}

/// Prints, and fails if it is told to.
#[flow]
async fn nightly(#[param(default = false)] fails: bool, #[param(default = 1)] rows: u32) -> Result<usize> {
    for line in 0..3 {
        announce(line).await?;
    }
    by_a_child().await?;
    tracing::info!("rows are loaded");
    tracing::debug!("in detail");
    log::warn!("of the crate log");
    print!("\x1b[1mno line break\x1b[0m");
    Ok(load::map(0..rows, fails).await?.len())
}

/// Prints very much.
#[flow]
async fn flood(lines: u32) -> u32 {
    for line in 0..lines {
        println!("line {line} of the flood");
    }
    lines
}

/// Prints bytes that are no text, and waits for a file.
#[flow]
async fn patient(file: PathBuf) -> Result<(), std::io::Error> {
    std::io::stdout().write_all(b"\xff\x00binary\nlast line\n")?;
    while !file.exists() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    Ok(())
}

flowkit::main!(nightly, flood, patient);
