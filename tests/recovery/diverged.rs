//! Resuming a run after the code has changed: what is reused, what is reported, and what is refused.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use flowkit::prelude::*;
use flowkit::store::SqliteStore;
use flowkit::{FlowRun, Refusal, Runtime};
use serde::{Deserialize, Serialize};

fn kept_in(folder: &tempfile::TempDir) -> Runtime {
    Runtime::builder().store(SqliteStore::open(folder.path().join("runs.db")).unwrap()).build()
}

static RAN: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn ran(what: impl Into<String>) {
    RAN.lock().unwrap().push(what.into());
}

fn take_ran() -> Vec<String> {
    std::mem::take(&mut RAN.lock().unwrap())
}

#[task]
async fn extract(n: u32) -> u32 {
    ran(format!("extract {n}"));
    n
}

#[task]
async fn load(n: u32) -> u32 {
    ran(format!("load {n}"));
    n
}

#[task]
async fn store(n: u32) -> u32 {
    ran(format!("store {n}"));
    n
}

/// Held by a test as long as it uses what is below: `cargo test` runs them on several threads.
static TURN: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// The version of the flow's code.
static CODE: Mutex<&str> = Mutex::new("");

#[flow]
async fn etl() -> Result<u32> {
    let code = *CODE.lock().unwrap();
    match code {
        "as recorded" => {
            extract(1).await?;
            load(2).await?;
            return Err("the machine was switched off".into());
        }
        "renamed" => drop((extract(1).await?, store(2).await?)),
        "reordered" => drop((load(2).await?, extract(1).await?)),
        "added" => drop((store(0).await?, extract(1).await?, load(2).await?)),
        "removed" => drop(extract(1).await?),
        "another argument" => drop((extract(1).await?, load(3).await?)),
        _ => return Err("an unknown version".into()),
    }
    Ok(7)
}

/// Records a run of the old code, and resumes it with the new code.
async fn resumed(code: &'static str, strict: bool) -> FlowRun<u32, flowkit::BoxError> {
    let folder = tempfile::tempdir().unwrap();
    *CODE.lock().unwrap() = "as recorded";
    let id = etl().on(&kept_in(&folder)).run().await.id().unwrap();
    take_ran();
    *CODE.lock().unwrap() = code;
    let runtime = kept_in(&folder);
    let resume = etl::resume(id).on(&runtime);
    if strict { resume.strict().run().await } else { resume.run().await }
}

/// A change of the code: what then runs, and what the run reports of both sides.
type Change = (&'static str, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

const CHANGES: [Change; 5] = [
    ("renamed", &["store 2"], &["load"], &["store"]),
    ("reordered", &[], &[], &[]),
    ("added", &["store 0"], &[], &["store"]),
    ("removed", &[], &["load"], &[]),
    ("another argument", &["load 3"], &["load"], &["load"]),
];

#[tokio::test]
async fn r10_a_changed_flow_goes_on_and_says_what_it_did_not_use_and_what_it_called_instead() {
    let _turn = TURN.lock().await;
    for (code, runs, missing, instead) in CHANGES {
        let run = resumed(code, false).await;
        assert_eq!(run.result().as_ref().unwrap(), &7, "{code}");
        assert_eq!(take_ran(), runs, "{code}");
        assert_eq!(run.not_called_again(), missing, "{code}");
        assert_eq!(run.called_instead(), instead, "{code}");
    }
}

#[tokio::test]
async fn r10_a_strict_resume_refuses_what_is_not_recorded_and_runs_nothing_of_it() {
    let _turn = TURN.lock().await;
    for (code, runs, ..) in CHANGES {
        let run = resumed(code, true).await;
        assert_eq!(take_ran(), [""; 0], "{code}");
        if runs.is_empty() && code != "removed" {
            // The order of calls is free.
            assert_eq!(run.result().as_ref().unwrap(), &7, "{code}");
            continue;
        }
        let error = format!("{:?}", run.result().as_ref().unwrap_err());
        let recorded = if code == "added" { "extract" } else { "load" };
        assert!(error.contains(&format!("the run has recorded `{recorded}`")), "{code}: {error}");
        let got = match runs.first() {
            Some(ran) => format!("calls `{}` instead", ran.split(' ').next().unwrap()),
            None => "never calls it again".to_owned(),
        };
        assert!(error.contains(&got), "{code}: {error}");
    }
}

static READ: AtomicU32 = AtomicU32::new(0);

/// A version of a program that differs from another one by the type of a result alone: path and source are the same.
macro_rules! version {
    ($runtime:expr, $resumed:expr, $amount:ty) => {{
        #[derive(Clone, Debug, Default, Serialize, Deserialize)]
        struct Row {
            amount: $amount,
        }
        #[task]
        async fn read() -> Row {
            READ.fetch_add(1, Ordering::SeqCst);
            Row::default()
        }
        #[task]
        async fn fail() -> Result<(), String> {
            Err("the machine was switched off".into())
        }
        #[flow]
        async fn reads() -> Result<$amount> {
            let row = read().await?;
            fail().await?;
            Ok(row.amount)
        }
        match $resumed {
            None => reads().on($runtime).run().await,
            Some(id) => reads::resume(id).on($runtime).run().await,
        }
    }};
}

/// R11, for resuming: an error that says what has changed. Neither a wrong value, nor a finished task done again unasked.
#[tokio::test]
async fn r11_a_kept_result_of_another_type_is_refused_and_stays_what_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let id = version!(&kept_in(&folder), None, u32).id();
    let changed = version!(&kept_in(&folder), id, String);
    let error = format!("{:?}", changed.result().as_ref().unwrap_err());
    assert!(error.contains("its persisted result can no longer be read"), "{error}");
    assert!(error.contains(r#".rerun_from("read")"#), "{error}");
    assert!(!error.contains("switched off"), "nothing behind it runs: {error}");
    let back = version!(&kept_in(&folder), id, u32);
    let error = format!("{:?}", back.result().as_ref().unwrap_err());
    assert!(error.contains("switched off"), "the old code still reads it: {error}");
    assert_eq!(READ.load(Ordering::SeqCst), 1);
}

#[test]
fn a_refusal_names_both_sides() {
    let refusal = Refusal::Diverged { recorded: "load".into(), got: Some("store".into()) };
    assert_eq!(
        refusal.to_string(),
        "the run has recorded `load`, and calls `store` instead; without `.strict()` the run continues"
    );
}
