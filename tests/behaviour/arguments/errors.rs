//! Errors stay what they were: typed, with their causes, and `?` takes them everywhere.

use std::error::Error as StdError;
use std::num::ParseIntError;

use flowkit::prelude::*;

#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("line {line} is no number")]
    Number {
        line: usize,
        #[source]
        cause: ParseIntError,
    },
    #[error("no lines")]
    Empty,
}

#[task]
async fn parse(text: String) -> Result<Vec<i64>, Broken> {
    if text.is_empty() {
        return Err(Broken::Empty);
    }
    let number =
        |(at, line): (usize, &str)| line.parse().map_err(|cause| Broken::Number { line: at + 1, cause });
    text.lines().enumerate().map(number).collect()
}

#[flowkit::test]
async fn a_failure_dereferences_to_the_tasks_own_error() {
    let error = parse("1\nx".into()).await.unwrap_err();
    assert!(matches!(error.task_error(), Some(Broken::Number { line: 2, .. })));
    let Error::Task(failure) = error else { panic!("the task's own error is `Error::Task`") };
    assert!(matches!(&*failure, Broken::Number { line: 2, .. }));
    assert_eq!(failure.to_string(), "line 2 is no number");
    assert_eq!(failure.attempts(), 1);
    assert!(matches!(failure.into_inner(), Ok(Broken::Number { line: 2, .. })), "nobody else holds it");
}

#[flow]
async fn failure_of_a_handle() -> Result<(String, bool)> {
    let handle = parse(String::new()).submit();
    let (Err(first), Err(Error::Task(second))) = ((&handle).await, handle.clone().await) else {
        return Err("the task fails".into());
    };
    Ok((first.to_string(), second.into_inner().is_err()))
}

#[flowkit::test]
async fn everyone_who_awaits_a_failed_handle_gets_the_same_typed_error() {
    let (message, shared) = failure_of_a_handle().await.unwrap();
    assert_eq!(message, "task `parse` failed");
    assert!(shared, "the handle still holds the error, so it cannot be taken out");
}

#[flowkit::test]
async fn the_chain_of_causes_is_kept() {
    let error = parse("x".into()).await.unwrap_err();
    let causes: Vec<String> =
        std::iter::successors(error.source(), |cause| (*cause).source()).map(ToString::to_string).collect();
    assert_eq!(causes, ["line 1 is no number", "invalid digit found in string"]);
    let expected =
        "task `parse` failed\n  caused by: line 1 is no number\n  caused by: invalid digit found in string";
    assert_eq!(format!("{error:?}"), expected);
}

#[flow]
async fn with_anyhow(text: String) -> anyhow::Result<usize> {
    let numbers = parse(text).await?;
    anyhow::ensure!(numbers.len() < 3, "too many");
    Ok(numbers.len())
}

#[flowkit::test]
async fn question_mark_turns_it_into_an_anyhow_error() {
    assert_eq!(with_anyhow("1\n2".into()).await.unwrap(), 2);
    let error = with_anyhow("1\n2\n3".into()).await.unwrap_err();
    assert_eq!(error.source().unwrap().to_string(), "too many");

    let error = with_anyhow("x".into()).await.unwrap_err();
    let inner: &anyhow::Error = error.task_error().unwrap();
    let task_error = inner.downcast_ref::<Error<Broken>>().unwrap();
    assert!(matches!(task_error.task_error(), Some(Broken::Number { line: 1, .. })));
    assert_eq!(inner.root_cause().to_string(), "invalid digit found in string");
}

#[flow]
async fn with_boxed(text: String) -> Result<usize, Box<dyn StdError + Send + Sync>> {
    Ok(parse(text).await?.len())
}

/// `?` takes a task's error where no flowkit name is in sight.
async fn without_flowkit(text: &str) -> Result<usize, Box<dyn StdError>> {
    Ok(parse(text.to_owned()).await?.len())
}

#[flowkit::test]
async fn question_mark_turns_it_into_a_boxed_error() {
    let error = with_boxed(String::new()).await.unwrap_err();
    let inner = error.task_error().unwrap().downcast_ref::<Error<Broken>>().unwrap();
    assert!(matches!(inner.task_error(), Some(Broken::Empty)));

    assert_eq!(without_flowkit("1").await.unwrap(), 1);
    let error = without_flowkit("").await.unwrap_err();
    assert!(error.downcast_ref::<Error<Broken>>().unwrap().task_error().is_some());
}

#[derive(Debug, thiserror::Error)]
enum AppError {
    #[error("the input is broken")]
    Input(#[from] Error<Broken>),
}

#[flow]
async fn with_own_error(text: String) -> Result<usize, AppError> {
    Ok(parse(text).await?.len())
}

#[flowkit::test]
async fn question_mark_turns_it_into_an_error_with_a_from() {
    let error = with_own_error(String::new()).await.unwrap_err();
    let Some(AppError::Input(Error::Task(failure))) = error.task_error() else {
        panic!("the task's error is inside the flow's")
    };
    assert!(matches!(**failure, Broken::Empty));
}

#[task]
async fn words() -> Result<u32, String> {
    Err("no luck".into())
}

#[task]
async fn anyhow_error() -> anyhow::Result<u32> {
    Err(anyhow::anyhow!("root").context("on top"))
}

#[flowkit::test]
async fn an_error_may_be_text_or_anyhow() {
    let error = words().await.unwrap_err();
    assert_eq!(error.to_string(), "task `words` failed: no luck");
    assert!(error.source().is_none(), "text is no error, so it stands in the message");

    let error = anyhow_error().await.unwrap_err();
    let causes: Vec<String> =
        std::iter::successors(error.source(), |cause| (*cause).source()).map(ToString::to_string).collect();
    assert_eq!(causes, ["on top", "root"]);
}

#[flowkit::test]
async fn a_task_that_returns_no_result_cannot_fail_by_itself() {
    #[task]
    async fn sure() -> u32 {
        7
    }
    let outcome: Result<u32, Error<std::convert::Infallible>> = sure().await;
    assert_eq!(outcome.unwrap(), 7);
}
