//! Files are private whatever the umask, and refused if another user could have planted or could change them.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{Answer, Shell};

const VERBS: [&str; 6] = ["run etl", "runs", "show", "logs", "watch", "db check"];

/// Every verb refuses, and says these words.
#[track_caller]
fn all_refuse(shell: &Shell, words: &[&str]) {
    for typed in VERBS {
        let answer = shell.call(typed);
        assert_eq!((answer.code, &*answer.out), (Some(2), ""), "{typed}: {answer:?}");
        for word in words {
            assert!(answer.err.contains(word), "{typed}: {answer:?}");
        }
    }
}

/// Everything below a folder, and the folder itself.
fn below(folder: PathBuf) -> Vec<PathBuf> {
    let mut all = vec![folder];
    let mut next = 0;
    while next < all.len() {
        if all[next].is_dir() {
            let inside = fs::read_dir(&all[next]).unwrap().map(|entry| entry.unwrap().path());
            all.extend(inside.collect::<Vec<_>>());
        }
        next += 1;
    }
    all
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn everything_is_private_whatever_the_umask() {
    for umask in ["000", "022", "077", "777"] {
        let shell = Shell::new();
        let mut program = Command::new("sh")
            .args(["-c", &format!("umask {umask}; exec \"$0\" run endless"), shell.program])
            .current_dir(shell.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It is running: its log and its lock exist.
        while shell.call("show").code != Some(0) {}
        let all = below(shell.path().join(".flowkit"));
        for path in &all {
            assert_eq!(mode(path), if path.is_dir() { 0o700 } else { 0o600 }, "umask {umask}: {path:?}");
        }
        for name in [".gitignore", "runs.db", "runs.db-wal", "runs.db-shm", "runs.db.owners"] {
            assert!(all.contains(&shell.path().join(".flowkit").join(name)), "{name} in {all:?}");
        }
        shell.call("cancel").ok();
        program.wait().unwrap();
    }
}

#[test]
fn git_sees_nothing_of_the_folder_unless_somebody_wants_it() {
    let shell = Shell::new();
    shell.call("run etl --rows 0");
    let ignore = shell.path().join(".flowkit/.gitignore");
    assert_eq!(fs::read_to_string(&ignore).unwrap(), "*\n");
    fs::remove_file(&ignore).unwrap();
    shell.call("runs").ok();
    shell.call("run etl --rows 0");
    assert!(!ignore.exists(), "it was removed on purpose");
    fs::remove_dir_all(shell.path().join(".flowkit")).unwrap();
    fs::create_dir(shell.path().join(".flowkit")).unwrap();
    shell.call("run etl --rows 0");
    assert!(ignore.exists(), "as after a death between the folder and the file in it");
}

#[test]
fn a_folder_behind_a_symbolic_link_is_refused() {
    let (shell, theirs) = (Shell::new(), tempfile::tempdir().unwrap());
    symlink(theirs.path(), shell.path().join(".flowkit")).unwrap();
    let refused = shell.call("run etl");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("`.flowkit`") && refused.err.contains("symbolic link"), "{refused:?}");
    assert_eq!(below(theirs.path().to_owned()).len(), 1, "nothing is made there");
    let with_runs = Shell::new();
    with_runs.call("run etl --rows 0");
    fs::remove_file(shell.path().join(".flowkit")).unwrap();
    symlink(with_runs.path().join(".flowkit"), shell.path().join(".flowkit")).unwrap();
    all_refuse(&shell, &["symbolic link", "remove the link"]);
}

#[test]
fn a_part_of_the_database_that_is_a_symbolic_link_is_refused() {
    for name in ["runs.db", "runs.db-wal", "runs.db-shm", "runs.db.owners", "runs.db.values"] {
        let (shell, theirs) = (Shell::new(), tempfile::tempdir().unwrap());
        shell.call("run etl --rows 0");
        let part = shell.path().join(".flowkit").join(name);
        let there = theirs.path().join(name);
        if part.exists() {
            fs::rename(&part, &there).unwrap();
        } else if name.starts_with("runs.db-") {
            fs::write(&there, "").unwrap();
        } else {
            fs::create_dir(&there).unwrap();
        }
        symlink(&there, &part).unwrap();
        let before = below(theirs.path().to_owned()).len();
        all_refuse(&shell, &[name, "symbolic link"]);
        assert_eq!(below(theirs.path().to_owned()).len(), before, "{name}");
    }
}

#[test]
fn what_every_user_may_write_is_refused() {
    for name in ["", "runs.db", "runs.db.owners"] {
        let shell = Shell::new();
        shell.call("run etl --rows 0");
        let path = shell.path().join(".flowkit").join(name);
        fs::set_permissions(&path, fs::Permissions::from_mode(mode(&path) | 0o002)).unwrap();
        all_refuse(&shell, &["every user", "chmod"]);
    }
}

#[test]
fn a_database_in_a_folder_where_every_user_may_replace_it_is_refused_and_with_the_sticky_bit_it_is_not() {
    let shell = Shell::new();
    let folder = shell.path().join("open");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let refused = shell.call("run etl --rows 0 --db open/runs.db");
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.err.contains("chmod o-w") && fs::read_dir(&folder).unwrap().count() == 0, "{refused:?}");
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o1777)).unwrap();
    let ran = shell.call("run etl --rows 3 --db open/runs.db");
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

#[test]
fn what_belongs_to_another_user_is_refused() {
    // Only root can give something to another user.
    if !rustix::process::geteuid().is_root() {
        return;
    }
    for name in ["", "runs.db", "runs.db.owners"] {
        let shell = Shell::new();
        shell.call("run etl --rows 0");
        chown(shell.path().join(".flowkit").join(name), Some(65534), None).unwrap();
        all_refuse(&shell, &["another user (uid 65534)", "chown"]);
    }
    let shell = Shell::new();
    fs::create_dir(shell.path().join(".flowkit")).unwrap();
    chown(shell.path().join(".flowkit"), Some(65534), None).unwrap();
    let refused: Answer = shell.call("run etl");
    assert!(refused.code == Some(2) && refused.err.contains("another user"), "{refused:?}");
    assert_eq!(below(shell.path().join(".flowkit")).len(), 1);
}
