//! Files that exist completely or not at all, and conditions that must hold when a task has ended.

use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use flowkit::prelude::*;
use flowkit::{Output, ensure, ensure_file};

use crate::kit::{Folder, aborted, succeeds};

/// The content of a folder without drafts, and the number of drafts.
fn found(folder: &Path) -> (Vec<String>, usize) {
    let names = fs::read_dir(folder).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let (drafts, files): (Vec<_>, Vec<_>) = names.partition(|name| name.ends_with(".draft"));
    (files, drafts.len())
}

#[test]
fn a_file_is_in_its_place_when_it_is_committed_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let mut output = Output::atomic(&path).unwrap();
    output.write_all(b"new").unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(output.commit().unwrap(), path);
    assert_eq!(fs::read(&path).unwrap(), b"new");
    assert_eq!(found(folder.path()), (vec!["report".into()], 0));
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "who may read it stays as it was");
}

#[test]
fn a_file_that_is_given_up_leaves_what_was_there() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("report");
    let give_up = || -> std::io::Result<()> {
        let mut output = Output::atomic(&path)?;
        output.write_all(b"half of it")?;
        output.flush()?;
        Err(std::io::Error::other("and then it broke"))
    };
    give_up().unwrap_err();
    assert_eq!(found(folder.path()), (vec![], 0));
    fs::write(&path, "old").unwrap();
    give_up().unwrap_err();
    assert_eq!(fs::read(&path).unwrap(), b"old");
    assert_eq!(found(folder.path()).1, 0);
}

#[test]
fn a_library_may_write_to_the_path_of_the_draft() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.bin");
    let output = Output::atomic(&path).unwrap();
    // Some put another file there.
    fs::remove_file(output.draft()).unwrap();
    fs::write(output.draft(), "by a library").unwrap();
    output.commit().unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"by a library");
}

#[test]
fn what_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = Output::atomic(folder.path().join("no folder/report")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("no folder/report` cannot be written"), "{error}");
    assert!(Output::atomic("..").unwrap_err().to_string().contains("names no file"));
    fs::create_dir(folder.path().join("a folder")).unwrap();
    let error = Output::atomic(folder.path().join("a folder")).unwrap().commit().unwrap_err();
    assert!(error.to_string().contains("a folder` cannot be written"), "{error}");
    assert_eq!(found(folder.path()).1, 0);
}

/// S5: after a kill between writing and renaming, the old file is there, and the next run returns what an unharmed one does.
#[test]
fn a_process_that_dies_on_the_way_leaves_the_old_file_and_the_next_one_the_same_new_one() {
    let folder = Folder::new();
    let report = folder.path().join("report");
    for old in [None, Some("old")] {
        if let Some(old) = old {
            fs::write(&report, old).unwrap();
        }
        let mut broken = folder.kit("output", &[]);
        let broken = broken.env("FLOWKIT_FAILPOINT", "mid-output-rename:abort").output().unwrap();
        assert!(aborted(broken.status), "{}", broken.status);
        assert_eq!(fs::read_to_string(&report).ok().as_deref(), old);
    }
    succeeds(&mut folder.kit("output", &[]));
    let first = fs::read(&report).unwrap();
    assert_eq!(first.iter().filter(|byte| **byte == b'\n').count(), 10_000);
    succeeds(&mut folder.kit("output", &[]));
    assert!(fs::read(&report).unwrap() == first, "twice is as once");
}

#[test]
fn an_error_on_the_way_is_told_and_leaves_neither_draft_nor_change() {
    let folder = Folder::new();
    let report = folder.path().join("report");
    fs::write(&report, "old").unwrap();
    let mut broken = folder.kit("output", &[]);
    let broken = broken.env("FLOWKIT_FAILPOINT", "mid-output-rename:err").output().unwrap();
    assert_eq!(broken.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&broken.stderr).contains("report` cannot be written"));
    assert_eq!(fs::read(&report).unwrap(), b"old");
    assert_eq!(found(folder.path()).1, 0);
}

/// S100.
#[tokio::test]
async fn a_task_whose_output_is_empty_has_failed_and_nothing_after_it_starts() {
    #[task]
    async fn export(path: std::path::PathBuf) -> Result<u32> {
        Output::atomic(&path)?.commit()?;
        ensure_file(&path)?;
        Ok(1)
    }
    #[task]
    async fn publish(rows: u32) -> u32 {
        rows
    }
    #[flow]
    async fn nightly(path: std::path::PathBuf) -> Result<u32> {
        let rows = export::submit(path);
        Ok(publish::of(&rows).await?)
    }
    let folder = tempfile::tempdir().unwrap();
    let run = nightly(folder.path().join("rows.csv")).run().await;
    let states: Vec<_> = run.task_runs().iter().map(|row| row.state).collect();
    assert_eq!(states, [State::Failed, State::UpstreamFailed]);
    let said = run.task_runs()[0].error.as_deref().unwrap().message.clone();
    assert!(said.starts_with("the output `") && said.ends_with("rows.csv` is empty"), "{said}");
}

#[test]
fn a_condition_that_does_not_hold_says_so_in_its_own_words() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "1").unwrap();
    ensure(true, "never said").unwrap();
    ensure_file(&file).unwrap();
    assert_eq!(ensure(false, "no row is left").unwrap_err().to_string(), "no row is left");
    let missing = ensure_file(folder.path().join("none")).unwrap_err();
    assert!(missing.to_string().ends_with("none` is not there"), "{missing}");
    assert!(std::error::Error::source(&missing).is_some());
    let no_file = ensure_file(folder.path()).unwrap_err();
    assert!(no_file.to_string().ends_with("` is not a file"), "{no_file}");
}
