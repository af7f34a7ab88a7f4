//! A damaged database: every verb says so, with a code that is not 0, or answers as before. And one in which another process is
//! stopped: every verb that looks back answers.

use std::fs;
use std::process::Stdio;

use super::{Answer, Shell};

/// The verbs that look back. What they say of a whole database is the same each time: as text, `runs` would say how long ago
/// each of them was.
const VERBS: [&str; 7] =
    ["runs --output json", "show", "logs", "watch --output json", "graph", "db export", "db check"];

fn all(shell: &Shell) -> Vec<Answer> {
    VERBS.iter().map(|typed| shell.call(typed)).collect()
}

/// Every verb reports it, or answers as before. Returns how many report it.
#[track_caller]
fn told(shell: &Shell, bytes: &[u8], whole: &[Answer], what: &str) -> usize {
    let database = shell.path().join(".flowkit/runs.db");
    fs::write(&database, bytes).unwrap();
    let mut told = 0;
    for ((typed, before), answer) in VERBS.iter().zip(whole).zip(all(shell)) {
        if answer.code == Some(2) {
            told += 1;
            assert!(
                answer.err.contains("damaged") || answer.err.contains("database"),
                "{what}: {typed}: {answer:?}"
            );
        } else {
            assert_eq!((answer.code, &answer.out), (before.code, &before.out), "{what}: {typed}");
        }
    }
    assert_eq!(fs::read(&database).unwrap(), bytes, "{what}: looking changes nothing");
    told
}

#[test]
fn a_damaged_database_is_told_of_by_every_verb() {
    let shell = Shell::new();
    shell.write("data.txt", "");
    shell.call("run nested --file data.txt").ok();
    shell.call("run staged --first data.txt --second data.txt").ok();
    let bytes = fs::read(shell.path().join(".flowkit/runs.db")).unwrap();
    let whole = all(&shell);
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for _ in 0..4 {
        let at = random.usize(4096..bytes.len());
        let mut damaged = bytes.clone();
        damaged[at] ^= 1 << random.u8(..8);
        let told = told(&shell, &damaged, &whole, &format!("byte {at}"));
        assert!(told == 0 || told == VERBS.len(), "byte {at}: {told}");
    }
    let used = bytes.iter().rposition(|byte| *byte != 0).unwrap();
    for left in [used, bytes.len() - 4096, 60] {
        assert_eq!(told(&shell, &bytes[..left], &whole, &format!("cut at {left}")), VERBS.len());
    }
}

#[test]
fn verbs_that_look_back_answer_while_another_process_stands_still_in_its_commit() {
    let shell = Shell::new();
    let mut program = shell
        .command("run endless")
        .env("FLOWKIT_FAILPOINT", "before-commit:stop:20")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let stat = format!("/proc/{}/stat", program.id());
    while !fs::read_to_string(&stat).unwrap().contains(") T ") {
        std::thread::yield_now();
    }
    for typed in ["runs", "show", "logs", "graph", "db export", "db check", "list", "doctor", "artifacts"] {
        let answer = shell.call(typed);
        assert_eq!(answer.code, Some(0), "{typed}: {answer:?}");
    }
    assert!(shell.call("runs").out.contains("endless"));
    program.kill().unwrap();
    program.wait().unwrap();
    assert!(shell.call("show").ok().out.contains("Crashed"));
}
