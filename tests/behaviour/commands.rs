//! Child processes of tasks. They take real time, so the clock is not paused here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::store::{LogFilter, SqliteStore};
use flowkit::{Command, CommandError, Runtime};

use crate::records::only;

/// Leaves the number of a process in the background in a file, and does not end.
const TWO_PROCESSES: &str =
    "sleep 1000 & echo $! > background.draft; mv background.draft background; sleep 1000";

#[task(retries = 1)]
async fn runs(script: String) -> Result<(), CommandError> {
    Command::shell(script).run().await
}

#[task]
async fn depends(_before: ()) {}

#[flow]
async fn of(script: String) -> Result<State> {
    let ran = runs(script).submit();
    Ok(depends::submit(&ran).ended().await)
}

async fn wait_until(ready: impl Fn() -> bool) {
    for _ in 0..6000 {
        if ready() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it does not come");
}

/// The process that was left in the background.
async fn background(folder: &Path) -> i32 {
    let file = folder.join("background");
    wait_until(|| file.exists()).await;
    std::fs::read_to_string(file).unwrap().trim().parse().unwrap()
}

/// Whether a process exists and is not a zombie: in a container, zombies may never be reaped.
fn is_alive(process: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit(") ").next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(['Z', 'X']))
}

#[tokio::test]
async fn an_exit_code_is_an_error_with_the_last_words_and_is_tried_again() {
    let script = "echo rows; echo no such table >&2; exit 3";
    let run = of(script.to_owned()).run().await;
    let task = only(&run, "runs");
    assert_eq!((task.state, task.attempt), (State::Failed, 2));
    assert_eq!(run.result().as_ref().unwrap(), &State::UpstreamFailed);

    let error = runs(script.to_owned()).await.unwrap_err();
    let error = error.task_error().unwrap();
    assert_eq!(error.to_string(), "`sh` ended with exit code 3: no such table");
    let CommandError::Failed { code, signal, stdout, stderr, .. } = error else { panic!("{error}") };
    assert_eq!(
        (*code, *signal, stdout.as_str(), stderr.as_str()),
        (Some(3), None, "rows\n", "no such table\n")
    );
    assert_eq!(error.code(), Some(3));

    let error = runs("kill -KILL $$".to_owned()).await.unwrap_err();
    assert_eq!(error.task_error().unwrap().to_string(), "`sh` was ended by SIGKILL");
    let missing = Command::new("no-such-program").run().await.unwrap_err();
    assert_eq!(missing.to_string(), "`no-such-program` could not be started");
}

#[tokio::test]
async fn exit_code_99_skips_the_task_and_what_needs_it() {
    let run = of("exit 99".to_owned()).run().await;
    let task = only(&run, "runs");
    assert_eq!((task.state, task.attempt), (State::Skipped, 1));
    assert_eq!(task.skip_reason.as_deref(), Some("`sh` had nothing to do (exit code 99)"));
    assert_eq!(run.result().as_ref().unwrap(), &State::Skipped);

    // An error that wraps it counts as well, and so does another code if configured.
    #[task]
    async fn through_anyhow() -> Result<(), anyhow::Error> {
        let mut command = Command::shell("exit 7");
        Ok(command.skip_on([7]).run().await?)
    }
    assert!(through_anyhow().await.unwrap_err().is_skipped());
    let code = Command::shell("exit 99").skip_on([]).run().await.unwrap_err();
    assert!(matches!(code, CommandError::Failed { .. }), "{code}");
}

#[task]
async fn in_folder(folder: PathBuf) -> Result<(), CommandError> {
    Command::shell(TWO_PROCESSES).current_dir(folder).run().await
}

#[flow]
async fn flow_in_folder(folder: PathBuf) -> Result<()> {
    Ok(in_folder(folder).await?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_kills_the_process_with_what_it_has_started() {
    let folder = tempfile::tempdir().unwrap();
    // Longer than it takes to start two processes on a machine with much else to do.
    let call = in_folder(folder.path().to_owned()).timeout(Duration::from_secs(2));
    assert!(call.await.unwrap_err().is_timed_out());
    let process = background(folder.path()).await;
    wait_until(|| !is_alive(process)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cancelling_a_run_kills_its_processes() {
    let folder = tempfile::tempdir().unwrap();
    let running = flow_in_folder(folder.path().to_owned()).start();
    let process = background(folder.path()).await;
    assert!(is_alive(process));
    running.cancel();
    assert_eq!(running.await.state(), State::Cancelled);
    wait_until(|| !is_alive(process)).await;
}

#[tokio::test]
async fn what_a_process_leaves_in_the_background_ends_with_it() {
    let folder = tempfile::tempdir().unwrap();
    // It holds the pipe open, but flowkit does not wait for that.
    let script = "sleep 1000 & echo $! > background";
    Command::shell(script).current_dir(folder.path()).run().await.unwrap();
    let process = background(folder.path()).await;
    wait_until(|| !is_alive(process)).await;
}

#[tokio::test]
async fn a_process_reads_what_it_is_given_and_its_output_can_be_taken() {
    let text = "x".repeat(1 << 20);
    let counted = Command::new("wc").arg("-c").input(text.clone()).output().await.unwrap();
    assert_eq!(String::from_utf8(counted).unwrap().trim(), text.len().to_string());
    let echoed = Command::new("cat").input(text.clone()).output().await.unwrap();
    assert_eq!(echoed, text.as_bytes());
    // A child that does not read all of it is no error.
    Command::new("true").input(text).run().await.unwrap();
    let nothing = Command::new("cat").output().await.unwrap();
    assert!(nothing.is_empty());
    let shown =
        Command::shell("echo $ONE$TWO$HOME").env("ONE", "1").env_remove("HOME").output().await.unwrap();
    assert_eq!(shown, b"1\n");
}

#[tokio::test]
async fn what_a_process_prints_goes_to_the_log_of_its_task_line_by_line() {
    let folder = tempfile::tempdir().unwrap();
    let store = SqliteStore::open(folder.path().join("runs.db")).unwrap();
    let runtime = Runtime::builder().store(store).build();
    let script = "printf 'one\\ntwo'; printf 'oh\\n' >&2; printf ' more\\r\\n'; exit 0";
    let run = of(script.to_owned()).on(&runtime).run().await;
    let store = runtime.store().unwrap();
    store.flush().unwrap();
    let lines = store.logs(run.id().unwrap(), &LogFilter::default(), 0, 100).unwrap();
    let of_stream = |stream: &str| -> Vec<String> {
        let own = lines.iter().filter(|line| line.target == stream);
        own.map(|line| line.message.clone()).collect()
    };
    assert_eq!(of_stream("stdout"), ["one", "two more"]);
    assert_eq!(of_stream("stderr"), ["oh"]);
    assert!(lines.iter().all(|line| line.task_run == only(&run, "runs").id));
}

#[flowkit::test]
async fn a_paused_clock_stands_still_while_a_process_runs() {
    let began = tokio::time::Instant::now();
    runs("exit 0".to_owned()).timeout(Duration::from_secs(1)).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(1));
}
