//! `workflow_file`: what is wrong with a file is said before anything runs.

use std::fs;

use serde_json::{Value, json};

use super::Example;

/// The file of the example, changed.
fn file_with(change: impl FnOnce(&mut Vec<Value>)) -> Value {
    let path = crate::root().join("examples/data/rnaseq.json");
    let mut file: Value =
        serde_json::from_str(&fs::read_to_string(path).expect("the file of the example")).expect("JSON");
    change(file.pointer_mut("/workflow/specification/tasks").and_then(Value::as_array_mut).expect("tasks"));
    file
}

#[track_caller]
fn refused(file: &Value) -> String {
    let example = Example::new("workflow_file");
    fs::write(example.path("file.json"), file.to_string()).expect("a file");
    let ended = example.run(&["file.json"]);
    assert_eq!((ended.code, &*ended.stdout), (Some(1), ""), "{ended:?}");
    ended.stderr
}

#[test]
fn a_parent_that_is_not_in_the_file_is_named_with_its_task() {
    let file = file_with(|tasks| tasks.retain(|task| task["id"] != "PREPARE_GENOME:GTF_FILTER"));
    let error = refused(&file);
    assert!(
        error.contains("has the parent `PREPARE_GENOME:GTF_FILTER`, which is not in the file"),
        "{error}"
    );
}

#[test]
fn a_cycle_is_named_by_its_tasks() {
    let file = file_with(|tasks| {
        let first = tasks.iter_mut().find(|task| task["id"] == "PREPARE_GENOME:GTF_FILTER").unwrap();
        first["parents"] = json!(["SUBREAD_FEATURECOUNTS"]);
    });
    let error = refused(&file);
    assert!(error.contains("there is a cycle among the tasks "), "{error}");
    assert!(error.contains("`PREPARE_GENOME:GTF_FILTER`") && !error.contains("FASTQC"), "{error}");
}

#[test]
fn an_id_that_two_tasks_have_is_named() {
    let error = refused(&file_with(|tasks| tasks.push(tasks[0].clone())));
    assert!(error.contains("two tasks have the id `"), "{error}");
}
