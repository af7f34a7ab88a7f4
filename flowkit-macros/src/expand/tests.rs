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
