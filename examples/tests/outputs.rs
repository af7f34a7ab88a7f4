//! What is shown is what is printed: the comments of the examples, the README and its picture.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "the names of tests are sentences")]

// A terminal emulator, shared with the tests of flowkit's own screen.
#[cfg(unix)]
#[path = "../../tests/terminal/emulator.rs"]
#[allow(dead_code, clippy::unwrap_used, reason = "those tests use more of it, and may panic")]
mod emulator;
mod pipelines;
mod shown;

#[cfg(unix)]
use shown::session;
use shown::{Run, example, fences, masked, root};

const EXAMPLES: [&str; 25] = [
    "airflow_basic",
    "artifacts",
    "bash_validate",
    "caching",
    "complete_ml",
    "config",
    "custom_sensor",
    "dynamic",
    "error_handling",
    "etl",
    "exercise4",
    "graph",
    "idempotency",
    "identity",
    "kubeflow_tuning",
    "ml_stages",
    "multi_model",
    "prefect_pipeline",
    "resume",
    "retries",
    "seed_dag",
    "subflows",
    "testing",
    "word_count",
    "workflow_file",
];

#[test]
#[cfg(unix)]
fn airflow_basic_prints_what_its_comment_shows() {
    exactly("airflow_basic");
}

#[test]
fn artifacts_prints_what_its_comment_shows() {
    exactly("artifacts");
}

#[test]
#[cfg(unix)]
fn bash_validate_prints_what_its_comment_shows() {
    exactly("bash_validate");
}

#[test]
fn caching_prints_what_its_comment_shows() {
    exactly("caching");
}

#[test]
fn complete_ml_prints_what_its_comment_shows() {
    exactly("complete_ml");
}

#[test]
fn config_prints_what_its_comment_shows() {
    exactly("config");
}

#[test]
fn custom_sensor_prints_what_its_comment_shows() {
    exactly("custom_sensor");
}

#[test]
fn dynamic_prints_what_its_comment_shows() {
    exactly("dynamic");
}

#[test]
fn error_handling_prints_what_its_comment_shows() {
    exactly("error_handling");
}

#[test]
fn etl_prints_what_its_comment_shows() {
    exactly("etl");
}

#[test]
fn exercise4_prints_what_its_comment_shows() {
    exactly("exercise4");
}

#[test]
fn graph_prints_what_its_comment_shows_but_for_times() {
    but_for_times("graph");
}

#[test]
fn idempotency_prints_what_its_comment_shows() {
    exactly("idempotency");
}

#[test]
fn kubeflow_tuning_prints_what_its_comment_shows() {
    exactly("kubeflow_tuning");
}

#[test]
fn ml_stages_prints_what_its_comment_shows() {
    exactly("ml_stages");
}

#[test]
fn multi_model_prints_what_its_comment_shows() {
    exactly("multi_model");
}

#[test]
fn prefect_pipeline_prints_what_its_comment_shows() {
    exactly("prefect_pipeline");
}

/// Whether a run in the database has completed a task.
fn keeps_a_file(path: &std::path::Path) -> bool {
    use flowkit::store::{FlowRunFilter, History, SqliteStore, TaskRunFilter};
    if !path.exists() {
        return false;
    }
    let store = SqliteStore::open(path).expect("a database that is there can be opened");
    let runs = store.flow_runs(&FlowRunFilter::default(), None, 1).expect("it can be read").runs;
    let mut done = TaskRunFilter::default();
    done.states = vec![flowkit::State::Completed];
    let first = flowkit::model::TaskRunId::FLOW;
    runs.iter().any(|run| !store.task_runs(run.id, &done, first, 1).expect("it can be read").is_empty())
}

#[test]
fn resume_continues_after_it_was_killed() {
    let shown: Vec<String> = fences(&example("resume"), "text").collect();
    let [first, .., last] =
        &shown[0].lines().map(|line| line.trim_start_matches("//! ")).collect::<Vec<_>>()[..]
    else {
        panic!("the comment shows two lines");
    };
    // Cargo puts the examples next to the folder of this test.
    let program = std::env::current_exe().expect("this test has a path");
    let program = program.ancestors().nth(2).expect("a folder").join("examples/resume");
    let folder = tempfile::tempdir().expect("a folder");
    let start = || {
        let mut command = std::process::Command::new(&program);
        command.arg(folder.path().join("runs.db")).stdout(std::process::Stdio::piped());
        command.spawn().expect("the example starts")
    };
    let mut killed = start();
    while !keeps_a_file(&folder.path().join("runs.db")) {
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    killed.kill().expect("it can be killed");
    let killed = killed.wait_with_output().expect("it has ended");
    assert_eq!(String::from_utf8_lossy(&killed.stdout), format!("{first}\n"));
    let resumed = start().wait_with_output().expect("it ends");
    let resumed = String::from_utf8_lossy(&resumed.stdout).into_owned();
    assert!(resumed.contains(" was interrupted; ") && !resumed.contains("; 0 files"), "{resumed}");
    assert!(resumed.ends_with(&format!("{last}\n")), "{resumed}");
}

#[test]
fn retries_prints_what_its_comment_shows() {
    exactly("retries");
}

#[test]
fn seed_dag_prints_what_its_comment_shows() {
    exactly("seed_dag");
}

#[test]
fn subflows_prints_what_its_comment_shows() {
    exactly("subflows");
}

#[test]
fn word_count_prints_what_its_comment_shows() {
    exactly("word_count");
}

#[test]
fn workflow_file_prints_what_its_comment_shows_but_for_times() {
    but_for_times("workflow_file");
}

#[test]
fn the_comment_of_testing_names_its_tests() {
    let source = example("testing");
    let shown = fences(&source, "text").next().expect("a block");
    let shown =
        shown.lines().filter_map(|line| line.strip_prefix("//! test tests::")?.strip_suffix(" ... ok"));
    let tests =
        source.split("test]\n").skip(1).filter_map(|test| test.split_once("fn ")?.1.split('(').next());
    assert_eq!(shown.collect::<Vec<_>>(), tests.collect::<Vec<_>>());
}

/// Compares standard output exactly, and standard error without times and ids, in any order: its lines come from several threads.
#[track_caller]
fn exactly(name: &str) {
    let (shown, run) = shown::comment(name);
    assert_eq!(run.stdout, shown.stdout, "standard output of `{name}`");
    if !shown.stderr.is_empty() {
        assert_eq!(sorted(&run.stderr), sorted(&shown.stderr), "standard error of `{name}`");
    }
}

#[track_caller]
fn but_for_times(name: &str) {
    let (shown, run) = shown::comment(name);
    assert_eq!(masked(&run.stdout), masked(&shown.stdout), "standard output of `{name}`");
}

fn sorted(text: &str) -> Vec<String> {
    let mut lines = masked(text);
    lines.sort();
    lines
}

#[test]
fn every_example_says_first_what_it_teaches_and_how_to_run_it() {
    for name in EXAMPLES {
        let source = example(name);
        assert!(source.starts_with("//! What you learn: "), "{name}");
        let command = if name == "testing" { "test" } else { "run" };
        assert!(source.contains(&format!("\n//! cargo {command} --example {name}")), "{name}");
    }
}

#[test]
fn identity_prints_what_its_comment_shows() {
    exactly("identity");
}

#[test]
fn every_example_of_the_package_is_in_the_list_above() {
    let manifest = std::fs::read_to_string(root().join("examples/Cargo.toml")).expect("the manifest");
    let parts = manifest.split("[[example]]\nname = \"").skip(1);
    let mut names: Vec<_> = parts.filter_map(|part| part.split('"').next()).collect();
    names.sort_unstable();
    assert_eq!(names, EXAMPLES);
}

#[test]
fn the_transcripts_in_the_readme_are_real() {
    let readme = readme();
    let transcripts: Vec<_> =
        fences(&readme, "console").filter(|transcript| !transcript.contains("\n$ ")).collect();
    assert!(!transcripts.is_empty());
    for transcript in transcripts {
        let (command, output) = transcript.split_once('\n').expect("a command and its output");
        let Run { stdout, stderr } = shown::run(command.strip_prefix("$ ").expect("a command"));
        assert_eq!(sorted(&(stderr + &stdout)), sorted(output), "{command}");
    }
}

#[test]
#[cfg(unix)]
fn the_session_in_the_readme_is_what_a_terminal_shows() {
    let sessions = session::sessions(&readme());
    assert!(!sessions.is_empty());
    sessions.iter().for_each(|session| session::check(session));
}

#[test]
fn the_code_in_the_readme_and_on_the_page_about_graphs_is_part_of_an_example() {
    let examples: Vec<String> = EXAMPLES.iter().map(|name| unindented(&example(name))).collect();
    for code in fences(&(readme() + &page("graphs.md")), "rust") {
        let code = unindented(&code);
        assert!(examples.iter().any(|example| example.contains(&code)), "in no example:\n{code}");
    }
}

#[test]
fn the_picture_in_the_readme_shows_the_run_of_etl() {
    let fresh = std::env::temp_dir().join(format!("flowkit-{}.svg", std::process::id()));
    shown::run(&format!("cargo run --example etl {}", fresh.display()));
    let titles = |path: &std::path::Path| {
        let picture = std::fs::read_to_string(path).expect("a picture");
        let titles = picture.split("<title>").skip(1).filter_map(|rest| rest.split("</title>").next());
        masked(&titles.collect::<Vec<_>>().join("\n"))
    };
    assert_eq!(titles(&root().join("docs/etl.svg")), titles(&fresh));
    std::fs::remove_file(fresh).expect("the picture can be removed");
    assert!(readme().contains("(docs/etl.svg)"));
}

#[test]
fn the_mistakes_on_the_page_about_broken_graphs_are_those_that_the_compiler_names() {
    let mut cases = (String::new(), String::new());
    for entry in std::fs::read_dir(root().join("tests/ui")).expect("the folder of compile errors") {
        let path = entry.expect("an entry").path();
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let all = if path.extension().is_some_and(|extension| extension == "rs") {
            &mut cases.0
        } else {
            &mut cases.1
        };
        *all += &(unindented(&text) + "\n");
    }
    let page = page("broken_dags.md");
    let (codes, messages): (Vec<_>, Vec<_>) =
        (fences(&page, "rust").collect(), fences(&page, "text").collect());
    assert_eq!((codes.len(), messages.len()), (7, 7));
    for code in &codes {
        assert!(cases.0.contains(&unindented(code)), "in no file of tests/ui:\n{code}");
    }
    for line in messages.iter().flat_map(|message| message.lines()) {
        assert!(cases.1.lines().any(|real| real == line.trim()), "the compiler does not say: {line}");
    }
}

fn page(name: &str) -> String {
    std::fs::read_to_string(root().join("docs").join(name)).expect("the page")
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).expect("the README")
}

fn unindented(code: &str) -> String {
    code.lines().map(str::trim).collect::<Vec<_>>().join("\n")
}
