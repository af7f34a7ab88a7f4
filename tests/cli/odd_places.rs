//! Arguments that are not text, files that are not what they seem, and readers that are gone: one message, and nothing is lost.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Stdio;

use super::{Answer, Shell};

#[test]
fn an_argument_that_is_no_text_is_refused_and_named_where_it_cannot_be_a_secret() {
    let shell = Shell::new();
    for typed in ["show", "run etl --rows", "run etl --name", "run fragile --file", "run echo --mode"] {
        let answer = Answer::of(shell.command(typed).arg(OsStr::from_bytes(b"a\xff")).output().unwrap());
        assert_eq!(answer.code, Some(2), "{typed}: {answer:?}");
        // Of a flow that takes no secret it is repeated; elsewhere it may be one.
        let is_named = answer.err.starts_with("error: the argument `a\u{fffd}` is not valid UTF-8;");
        let is_hidden = answer.err.starts_with("error: the argument is not valid UTF-8;");
        assert!(if typed == "show" { is_hidden } else { is_named }, "{typed}: {answer:?}");
        assert_eq!(answer.err.lines().count(), 1, "{typed}: {answer:?}");
    }
    let flow = Answer::of(shell.command("run").arg(OsStr::from_bytes(b"et\xff")).output().unwrap());
    assert!(flow.code == Some(2) && flow.err.contains("there is no flow `et\u{fffd}`"), "{flow:?}");
    let file = OsStr::from_bytes(b"b\xff.db");
    Answer::of(shell.command("run etl --db").arg(file).output().unwrap()).ok();
    assert!(shell.path().join(file).exists(), "a file may be called so");
}

#[test]
fn a_file_that_is_no_text_is_refused_with_the_remedy() {
    let shell = Shell::new();
    for name in ["p.yaml", "p.toml", "p.json", "flowkit.toml"] {
        std::fs::write(shell.path().join(name), b"rows: \xff").unwrap();
        let answer = shell.call(&format!("run etl --params {name}"));
        assert!(
            answer.code == Some(2) && answer.err.contains("not valid UTF-8; save it"),
            "{name}: {answer:?}"
        );
    }
}

#[test]
fn a_database_that_was_cut_off_is_left_as_it_is() {
    let shell = Shell::new();
    shell.call("run etl --db whole.db").ok();
    let whole = std::fs::read(shell.path().join("whole.db")).unwrap();
    for bytes in [0, 1, 16, 100, 4096, 20_000, whole.len() / 2] {
        let path = shell.path().join("cut.db");
        std::fs::write(&path, &whole[..bytes]).unwrap();
        for typed in ["runs", "show", "resume", "run etl", "db check"] {
            let answer = shell.call(&format!("{typed} --db cut.db"));
            assert!(answer.code == Some(2) && answer.out.is_empty(), "{bytes}, {typed}: {answer:?}");
            let says = ["damaged", "not a SQLite database", "it is empty", "of another program"];
            assert!(says.iter().any(|says| answer.err.contains(says)), "{bytes}, {typed}: {answer:?}");
        }
        assert_eq!(std::fs::read(&path).unwrap(), &whole[..bytes], "{bytes}: nothing was changed");
    }
}

#[test]
fn readers_that_are_gone_change_nothing() {
    let shell = Shell::new();
    shell.call("run etl").ok();
    for (typed, code) in [
        ("run etl", 0),
        ("run etl --output json", 0),
        ("run fragile --file nope", 1),
        ("rums", 2),
        ("run etl --rows x", 2),
        ("runs state:failed flow:nope", 0),
        ("resume last~9", 2),
        ("diff last last", 0),
    ] {
        let mut command = shell.command(typed);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop((child.stdout.take(), child.stderr.take()));
        assert_eq!(child.wait().unwrap().code(), Some(code), "{typed}");
    }
    let states = |state: &str| shell.call(&format!("runs state:{state} --output json")).ok().lines().len();
    assert_eq!((states("completed"), states("failed")), (3, 1), "all that was begun was done");
}

#[cfg(target_os = "linux")]
#[test]
fn an_answer_for_which_there_is_no_room_is_no_answer() {
    let shell = Shell::new();
    shell.call("run etl").ok();
    for typed in ["db export", "show --output json", "runs", "list", "--help"] {
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = shell.command(typed).stdout(full).stderr(Stdio::piped()).spawn().unwrap();
        let answer = Answer::of(output.wait_with_output().unwrap());
        assert_eq!(answer.code, Some(2), "{typed}: {answer:?}");
        assert!(answer.err.contains("a part of the answer is missing"), "{typed}: {answer:?}");
    }
}
