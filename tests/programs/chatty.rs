//! A program that prints while its flow is drawn: `talkers` tasks that print `lines` lines each, in all ways there are.
//!
//! `chatty <seed> <talkers> <lines> <file> [how]`: writes the lines that were caught into the file. Of the ways, `panic`
//! panics at the end and `task-panic` in a task; `linger` prints `ready` and waits for the file `<file>.go` first, and so do
//! `exit` and `abort`, which end the process in the task then; `flood` prints as fast as it can.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "no library")]

mod words;

use std::fs::File;
use std::io::{IsTerminal as _, Write as _};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::store::SqliteStore;
use flowkit::terminal::picture::Program;
use flowkit::terminal::{Options, Screen};
use flowkit::{BoxError, Runtime};
use words::Random;

/// One prints at a time: what two threads print into one line is mixed on any terminal.
static PRINTS: Mutex<()> = Mutex::new(());

fn argument(position: usize) -> String {
    std::env::args().nth(position).unwrap_or_default()
}

/// Prints a line, in one of several ways.
fn print(line: &str, way: u64) -> std::io::Result<()> {
    let _alone = PRINTS.lock();
    match way {
        0 => eprintln!("{line}"),
        1 => {
            let half = line.char_indices().nth(line.chars().count() / 2).map_or(0, |(at, _)| at);
            let mut out = std::io::stdout().lock();
            out.write_all(&line.as_bytes()[..half])?;
            out.flush()?;
            std::thread::sleep(Duration::from_millis(3));
            out.write_all(&line.as_bytes()[half..])?;
            out.write_all(b"\n")?;
        }
        2 => flowkit::stderr().write_all(format!("{line}\n").as_bytes())?,
        _ => println!("{line}"),
    }
    Ok(())
}

#[task(retries = 1)]
async fn talk(k: u64, seed: u64, lines: u64) -> Result<u64, BoxError> {
    if k % 4 == 1 && ctx().attempt() == 1 {
        return Err("not in the mood".into());
    }
    flowkit::artifact::markdown("talk", format!("{lines} lines"));
    assert!(argument(5) != "task-panic" || k != 0, "talker 0 was told to panic");
    let mut random = Random::new(seed ^ k);
    let floods = argument(5) == "flood";
    for n in 0..lines {
        let (printed, way) = (words::line(seed, k, n).0, random.below(5));
        // The line of `flowkit::stderr` takes its own path, so it is separate from those that go through the terminal.
        let way = if (way == 2 && n > 0) || floods { 3 } else { way };
        match random.below(3) {
            0 if !floods => tokio::task::spawn_blocking(move || print(&printed, way)).await??,
            _ => print(&printed, way)?,
        }
        flowkit::progress(n + 1, lines);
        if random.below(3) == 0 && !floods {
            tokio::time::sleep(Duration::from_millis(random.below(30))).await;
        }
    }
    Ok(lines)
}

#[task]
async fn linger() {
    (1..=3).for_each(|number| println!("line {number}"));
    println!("ready");
    let go = format!("{}.go", argument(4));
    while !std::path::Path::new(&go).exists() {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    match argument(5).as_str() {
        "exit" => std::process::exit(3),
        "abort" => std::process::abort(),
        _ => {}
    }
}

#[task]
async fn stay() {
    std::future::pending::<()>().await;
}

#[flow]
async fn talks(talkers: u64, seed: u64, lines: u64, lingers: bool) -> Result<u64> {
    if lingers {
        linger().await?;
        // It begins only if the signal has not been heard of yet; then it is suspended a little later.
        stay().await?;
    }
    Ok(talk::map(0..talkers, seed, lines).await?.iter().sum())
}

#[tokio::main]
async fn main() -> Result<ExitCode, BoxError> {
    let (seed, talkers, lines) = (argument(1).parse()?, argument(2).parse()?, argument(3).parse()?);
    let file = Mutex::new(File::create(argument(4))?);
    let store = SqliteStore::open(format!("{}.db", argument(4)))?;
    let runtime = Runtime::builder().store(store).build();
    let options = Options::new(Program::new("chatty")).owns_output().on_line(move |_, line| {
        let mut file = file.lock().expect("nobody panics with the file");
        writeln!(file, "{line}").expect("the file can be written");
    });
    let options = if argument(5) == "json" { options.json() } else { options };
    let screen = Screen::attach(&runtime, options);
    println!("stdout is a terminal: {}", std::io::stdout().is_terminal());
    let job =
        talks(talkers, seed, lines, matches!(argument(5).as_str(), "linger" | "exit" | "abort")).on(&runtime);
    let code = match runtime.until_signal(job).await {
        Ok(result) => {
            println!("sum: {}", result?);
            ExitCode::SUCCESS
        }
        Err(interrupted) => interrupted.into(),
    };
    assert!(argument(5) != "panic", "chatty was told to panic");
    print!("no line break here");
    screen.finish();
    println!("after the end");
    Ok(code)
}
