//! The generated code as people would format it: `snapshots/` shows what `fetch::of` becomes, and a review sees every change of
//! it. `INSTA_UPDATE=always cargo test -p flowkit-macros --all-features` updates them.

use proc_macro2::TokenStream;

use crate::model::{Flow, Task};

fn task(attribute: &str, function: &str) -> String {
    let function: TokenStream = function.parse().unwrap();
    let (task, checked) = Task::parse(attribute.parse().unwrap(), function.clone());
    checked.unwrap();
    formatted(super::task(task.unwrap(), &function))
}

fn flow(attribute: &str, function: &str) -> String {
    let function: TokenStream = function.parse().unwrap();
    let (flow, checked) = Flow::parse(attribute.parse().unwrap(), function.clone());
    checked.unwrap();
    formatted(super::flow(flow.unwrap(), &function))
}

fn formatted(code: TokenStream) -> String {
    prettyplease::unparse(&syn::parse2(code).unwrap())
}

/// Compares with `snapshots/<name>.snap`.
fn assert_reads(name: &str, code: &str) {
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
        insta::assert_snapshot!(name, code);
    });
}

#[test]
fn a_task() {
    let function = "pub async fn fetch(url: String) -> Result<Page, FetchError> { get(url).await }";
    assert_reads("task", &task("retries = 3", function));
}

#[test]
fn a_blocking_task_that_borrows_and_is_cached() {
    let function = "fn count(words: &[String], min: usize) -> usize { words.len().max(min) }";
    assert_reads("task_borrowed", &task(r#"cache = "inputs""#, function));
}

#[test]
fn a_flow() {
    let function = "async fn etl(urls: Vec<String>) -> Result<usize> { load(urls).await }";
    assert_reads("flow", &flow("retries = 2", function));
}

/// Without it, only code that names flowkit differently could tell that one path is left.
#[test]
fn no_path_of_flowkit_is_left_where_it_has_another_name() {
    let function =
        "async fn etl(#[param(default = 3)] rows: Vec<u8>, name: String) -> Result<u8> { load(rows).await }";
    let renamed = |code: String| {
        let code: TokenStream = code.parse().unwrap();
        super::under_path(code, &syn::parse_str("my_prelude::wf").unwrap()).to_string()
    };
    let task_options =
        r#"at_most_once, cache = "inputs", key = |a, b| a.len(), retry_if = |e| true, run_name = "{name:?}""#;
    let plain = "fn load(rows: &[u8], name: String) -> usize { rows.len() }";
    let all = [
        flow(r#"retries = 1, durability = "full", on_failure = notify, max_concurrency = 3"#, function),
        task(task_options, plain),
        task(r#"trigger = "all_done", concurrency = ["gpu"], backoff = "linear", retry_delay = "1s""#, plain),
    ];
    for code in all.map(renamed) {
        assert!(code.contains("my_prelude :: wf :: Call"));
        let left =
            code.match_indices(":: flowkit").next().map(|(at, _)| &code[at..(at + 60).min(code.len())]);
        assert_eq!(left, None);
    }
}

#[test]
fn only_the_form_of_a_closure_says_whether_it_is_an_async_hook() {
    let forms = [
        ("notify", "named_hook"),
        ("|run| notify(run)", "hook"),
        ("|run| { async {}; }", "hook"),
        ("async |run| notify(run).await", "async_hook"),
        ("|run| async move { notify(run).await }", "async_hook"),
        ("|run| { let name = run.label(); async move { notify(name).await } }", "async_hook"),
    ];
    for (hook, expected) in forms {
        let code = task(&format!("on_failure = {hook}"), "async fn fetch() {}");
        assert!(code.contains(&format!("&::flowkit::__private::{expected}(")), "{hook}: {code}");
    }
}
