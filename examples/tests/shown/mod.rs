//! Reads what a comment or a README shows, and runs the command that it names.

#[cfg(unix)]
pub(crate) mod session;

use std::path::{Path, PathBuf};
use std::process::Command;

/// What a program wrote, or should write.
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Returns the folder of the repository.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Returns the source of an example.
pub(crate) fn example(name: &str) -> String {
    std::fs::read_to_string(source(name)).expect("the source of the example")
}

fn source(name: &str) -> PathBuf {
    let folder = root().join("examples");
    let file = folder.join(format!("{name}.rs"));
    if file.exists() { file } else { folder.join(name).join("main.rs") }
}

/// Returns what an example's comment shows (first standard output, then standard error), and what a run of it prints.
pub(crate) fn comment(name: &str) -> (Run, Run) {
    let source = example(name);
    let lines = source.lines().map_while(|line| line.strip_prefix("//!"));
    let comment: String = lines.map(|line| format!("{}\n", line.strip_prefix(' ').unwrap_or(line))).collect();
    let command =
        comment.lines().find(|line| line.starts_with("cargo run ")).expect("a command in the comment");
    let mut blocks = fences(&comment, "text");
    let mut block = || blocks.next().unwrap_or_default();
    (Run { stdout: block(), stderr: block() }, run(command))
}

/// Returns the texts between ```` ```kind ```` and ```` ``` ````.
pub(crate) fn fences(text: &str, kind: &str) -> impl Iterator<Item = String> {
    let begin = format!("```{kind}\n");
    let blocks: Vec<_> = text.split(&begin).skip(1).filter_map(|rest| rest.split("```").next()).collect();
    blocks.into_iter().map(str::to_owned).collect::<Vec<_>>().into_iter()
}

/// Returns the name of the example that such a command runs, and its arguments.
pub(crate) fn example_of(command: &str) -> (&str, impl Iterator<Item = &str>) {
    let mut words = command.split_whitespace().skip_while(|word| *word != "--example").skip(1);
    (words.next().expect("the name of an example"), words.filter(|word| *word != "--"))
}

/// Runs the example that a `cargo run [-q] --example NAME [--] ARGUMENTS` would run, from the root of the repository.
pub(crate) fn run(command: &str) -> Run {
    let (name, arguments) = example_of(command);
    let folder = tempfile::tempdir().expect("a folder");
    let output = Command::new(program(name))
        .args(arguments)
        .current_dir(root())
        // A test leaves neither files nor runs behind.
        .env("TMPDIR", folder.path())
        .env("FLOWKIT_DB", folder.path().join("runs.db"))
        .output()
        .expect("the example starts");
    let temp_dir = format!("{}", folder.path().join("").display());
    let text =
        |bytes| String::from_utf8(bytes).expect("text").replace("\r\n", "\n").replace(&temp_dir, "/tmp/");
    Run { stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Finds the program of an example near this test, where cargo puts it: `cargo test` and `cargo nextest run` build the
/// examples of the package that they test. (There is no `CARGO_BIN_EXE_…` for examples.)
pub(crate) fn program(name: &str) -> PathBuf {
    let this = std::env::current_exe().expect("the path of this test");
    let file = Path::new("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let program = this.ancestors().map(|folder| folder.join(&file)).find(|path| path.is_file());
    let program = program.unwrap_or_else(|| panic!("`{name}` is not built: {HINT}"));
    let changed =
        |path: &Path| path.metadata().and_then(|data| data.modified()).expect("the time of a change");
    // With `--test outputs`, cargo builds no examples, and the test would compare an old program with a new comment.
    assert!(changed(&program) >= changed(&source(name)), "`{name}` is older than its source: {HINT}");
    program
}

const HINT: &str = "run `cargo build -p flowkit-examples --examples` first";

/// Returns the lines with `<time>` for every duration and `<id>` for every run id, without the prefix of a log line.
pub(crate) fn masked(text: &str) -> Vec<String> {
    text.lines().map(|line| masked_line(without_prefix(line))).collect()
}

/// Cuts `09:02:53.389Z [ 3/12] ` off, or the time alone.
fn without_prefix(line: &str) -> &str {
    let is_time = |word: &str| word.len() == 13 && word.ends_with('Z') && word[2..3] == *":";
    match line.split_once(' ') {
        Some((time, rest)) if is_time(time) => {
            let counted = rest.strip_prefix('[').and_then(|rest| rest.split_once("] "));
            counted.map_or(rest, |(_, line)| line)
        }
        _ => line,
    }
}

fn masked_line(line: &str) -> String {
    // How many threads the machine had left is not ours to say; but one after the other is wrong.
    if line.ends_with(" trainings at the same time") && !line.starts_with(['0', '1']) {
        return format!("<several>{}", &line[1..]);
    }
    if let Some((before, _)) = line.split_once(" run=") {
        return format!("{before} run=<id>");
    }
    // Which runs are slow depends on the machine.
    let line = line.split_once(" slow usual=").map_or(line, |(line, _)| line);
    let mut masked = String::new();
    let mut rest = line;
    while let Some(first) = rest.chars().next() {
        let number = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').len();
        let unit =
            ["µs", "ms", "s"].into_iter().find(|unit| rest[number..].starts_with(unit)).unwrap_or_default();
        let after = &rest[number + unit.len()..];
        let is_time = number > 0 && !unit.is_empty() && !after.starts_with(char::is_alphanumeric);
        let taken = if is_time { number + unit.len() } else { number.max(first.len_utf8()) };
        masked.push_str(if is_time { "<time>" } else { &rest[..taken] });
        rest = &rest[taken..];
    }
    masked
}

#[test]
fn times_and_ids_are_masked_and_nothing_else() {
    let line = "09:02:53.389Z [ 3/12] FAIL    fetch[3]  0.400s attempt=2/3 error=\"42099 of 84199 bytes\"";
    assert_eq!(masked(line), ["FAIL    fetch[3]  <time> attempt=2/3 error=\"42099 of 84199 bytes\""]);
    assert_eq!(masked("09:02:53.389Z OK  etl  0.4s  1 task: 1 ran"), ["OK  etl  <time>  1 task: 1 ran"]);
    assert_eq!(masked("start   etl  run=k7m2npq"), ["start   etl  run=<id>"]);
    assert_eq!(masked("ok      fetch  1.5s slow usual=0.4s"), ["ok      fetch  <time>"]);
    let several = ["<several> of 4 trainings at the same time", "1 of 4 trainings at the same time"];
    assert_eq!(masked("3 of 4 trainings at the same time\n1 of 4 trainings at the same time"), several);
    assert_eq!(masked("12µs 3ms 4 seconds 5sec"), ["<time> <time> 4 seconds 5sec"]);
}
