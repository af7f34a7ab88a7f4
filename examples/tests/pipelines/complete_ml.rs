//! `complete_ml`: bad data, both branches, and a run that fails at its last step.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;

use super::{Example, files};

/// Runs it with a small forest, which trains fast.
fn run(example: &Example, more: &[&str]) -> super::Ended {
    example.run(&[&["--trees", "5"], more].concat())
}

/// Returns the folders of the runs, oldest first: their names begin with the time.
fn folders_of_runs(example: &Example) -> Vec<PathBuf> {
    files(&example.path("complete_ml"))
}

#[test]
fn two_runs_give_the_same_files_and_the_same_scores() {
    let example = Example::new("complete_ml");
    let [first, second] = [(); 2].map(|()| run(&example, &["--data", "generated"]).well().stdout);
    assert_eq!(first, second);
    let [first, second] = &folders_of_runs(&example)[..] else { panic!("a folder for each run") };
    for (name, lines) in
        [("x_train.csv", 801), ("y_train.csv", 801), ("x_test.csv", 201), ("y_test.csv", 201)]
    {
        let text = fs::read_to_string(first.join(name)).unwrap();
        assert_eq!(text.lines().count(), lines, "{name} with its header");
        assert_eq!(text, fs::read_to_string(second.join(name)).unwrap(), "{name}");
    }
    assert_eq!(fs::read(first.join("model.json")).unwrap(), fs::read(second.join("model.json")).unwrap());
}

#[test]
fn data_that_fails_a_check_is_named_with_it_and_nothing_is_trained() {
    let table = |rows: usize, row: fn(usize) -> String| {
        (0..rows).fold("a,b,target\n".to_owned(), |text, number| text + &row(number) + "\n")
    };
    let bad = [
        ("no_nulls: 1 values are missing", {
            table(600, |row| if row == 7 { "7,,1".into() } else { format!("{row},1,{}", row % 2) })
        }),
        ("sufficient_size: 100 rows, of at least 500", table(100, |row| format!("{row},1,{}", row % 2))),
        ("target_balance: 10% of the rows", {
            table(600, |row| format!("{row},1,{}", u8::from(row.is_multiple_of(10))))
        }),
    ];
    for (check, text) in bad {
        let example = Example::new("complete_ml");
        fs::write(example.path("bad.csv"), text).unwrap();
        let ended = run(&example, &["--data", "bad.csv"]).badly();
        assert!(ended.stderr.contains(check), "{}", ended.stderr);
        // A failed check is not retried.
        assert!(!ended.stderr.contains("attempt 2"), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        let [folder] = &folders_of_runs(&example)[..] else { panic!("a folder of the run") };
        assert_eq!(files(folder), [folder.join("raw.csv")]);
    }
}

#[test]
fn a_model_below_the_threshold_is_not_registered_and_the_webhook_is_told() {
    let example = Example::new("complete_ml");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let told = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !String::from_utf8_lossy(&request).contains("is below 0.99") {
            let mut bytes = [0; 512];
            let read = stream.read(&mut bytes).unwrap();
            assert!(read > 0, "{}", String::from_utf8_lossy(&request));
            request.extend_from_slice(&bytes[..read]);
        }
        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").unwrap();
    });
    let ended = run(&example, &["--threshold", "0.99", "--webhook", &address]).well();
    assert!(ended.stdout.contains("not registered: accuracy"), "{}", ended.stdout);
    told.join().unwrap();
    let [folder] = &folders_of_runs(&example)[..] else { panic!("a folder of the run") };
    assert!(!folder.join("registry").exists());
    let shown = example.run(&["show"]).well().stdout;
    assert!(
        shown.lines().any(|line| line.contains("⊘ register") && line.contains("is below 0.99")),
        "{shown}"
    );
}

#[test]
fn a_model_above_the_threshold_is_copied_to_the_registry() {
    let example = Example::new("complete_ml");
    let ended = run(&example, &["--threshold", "0.5"]).well();
    assert!(ended.stdout.contains("is at least 0.5"), "{}", ended.stdout);
    let [folder] = &folders_of_runs(&example)[..] else { panic!("a folder of the run") };
    let [version] = &files(&folder.join("registry"))[..] else { panic!("one version") };
    assert_eq!(fs::read(version).unwrap(), fs::read(folder.join("model.json")).unwrap());
    // The graph shows which way the run went, and why.
    let graph = example.run(&["graph", "--format", "json"]).well().stdout;
    assert!(graph.contains("accuracy >= 0.5"), "{graph}");
}

#[test]
fn a_run_without_its_registry_fails_with_the_cause_and_is_finished_by_resume() {
    let example = Example::new("complete_ml");
    let registry = example.path("registry");
    let name = registry.to_str().unwrap();
    let failed = run(&example, &["--threshold", "0.6", "--registry", name]).badly();
    assert!(failed.stderr.lines().count() <= 30, "{}", failed.stderr);
    let cause = format!("the registry `{name}` is not there; make the folder, or mount it");
    assert!(failed.stderr.contains(&cause), "{}", failed.stderr);
    let resume = failed.stderr.split_once("complete_ml resume ").expect("the command to go on").1;
    let resume = resume.split_whitespace().next().unwrap();

    let [folder] = &folders_of_runs(&example)[..] else { panic!("a folder of the run") };
    let trained_at = || fs::metadata(folder.join("model.json")).unwrap().modified().unwrap();
    let before = trained_at();
    fs::create_dir(&registry).unwrap();
    let finished = example.run(&["resume", resume]).well();
    assert!(finished.stdout.contains("registered: accuracy"), "{}", finished.stdout);
    assert_eq!(trained_at(), before, "it was trained again");
    assert_eq!(files(&registry).len(), 1);

    // What has succeeded does not run again: no second version.
    example.run(&["resume", resume]).well();
    assert_eq!(files(&registry).len(), 1);
}

#[test]
fn two_runs_are_compared_by_what_they_were_given() {
    let example = Example::new("complete_ml");
    run(&example, &[]).well();
    run(&example, &["--threshold", "0.6"]).well();
    let compared = example.run(&["compare", "last", "last~1"]).well().stdout;
    let row = compared.lines().find(|line| line.contains("threshold")).expect("a row of the threshold");
    assert!(row.starts_with('≠') && row.contains("0.6") && row.contains("0.7"), "{compared}");
    assert!(!compared.lines().any(|line| line.starts_with('≠') && line.contains("trees")), "{compared}");
}
