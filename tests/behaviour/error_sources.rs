//! The root cause is always found, whatever kind of error a task returns: a type, `anyhow`, a box, a text.

use std::error::Error as StdError;
use std::io;

use anyhow::Context;
use flowkit::prelude::*;
use flowkit::{BoxError, TaskError};

use crate::records::only;

#[derive(Debug, thiserror::Error)]
#[error("cannot read the list")]
struct Unreadable(#[source] io::Error);

fn disk_on_fire() -> io::Error {
    io::Error::other("disk on fire")
}

#[task]
async fn typed() -> Result<u32, Unreadable> {
    Err(Unreadable(disk_on_fire()))
}

#[task]
async fn with_anyhow() -> anyhow::Result<u32> {
    Err(disk_on_fire()).context("cannot read the list")
}

#[task]
async fn boxed() -> Result<u32> {
    Err(BoxError::from(Unreadable(disk_on_fire())))
}

#[task]
async fn text() -> Result<u32, String> {
    Err("cannot read the list: disk on fire".into())
}

/// The texts of the causes behind an error.
fn causes(error: &(dyn StdError + 'static)) -> Vec<String> {
    std::iter::successors(error.source(), |cause| (*cause).source()).map(ToString::to_string).collect()
}

fn debug<T, E: TaskError>(result: Result<T, flowkit::Error<E>>) -> String {
    format!("{:?}", result.err().unwrap())
}

#[flowkit::test]
async fn an_error_with_sources_shows_all_of_them() {
    for (name, shown) in [
        ("typed", debug(typed().await)),
        ("with_anyhow", debug(with_anyhow().await)),
        ("boxed", debug(boxed().await)),
    ] {
        assert_eq!(
            shown,
            format!("task `{name}` failed\n  caused by: cannot read the list\n  caused by: disk on fire")
        );
    }
}

#[flowkit::test]
async fn a_text_is_shown_in_the_line_itself() {
    let error = text().await.unwrap_err();
    assert_eq!(error.to_string(), "task `text` failed: cannot read the list: disk on fire");
    assert!(error.source().is_none());
}

#[flowkit::test]
async fn the_record_has_the_tasks_own_words_and_the_causes_behind_them() {
    #[flow]
    async fn all_of_them() -> Result<()> {
        let _ = (typed().await, with_anyhow().await, boxed().await, text().await);
        Ok(())
    }

    let run = all_of_them().run().await;
    for name in ["typed", "with_anyhow", "boxed"] {
        let task_run = only(&run, name);
        let report = task_run.error.as_deref().unwrap();
        assert_eq!((&*report.task, &*report.message), (name, "cannot read the list"));
        assert_eq!(report.causes, ["disk on fire"]);
        assert!(report.location.contains("error_sources.rs:"), "{}", report.location);
    }
    let task_run = only(&run, "text");
    let report = task_run.error.as_deref().unwrap();
    assert_eq!(report.message, "cannot read the list: disk on fire");
    assert!(report.causes.is_empty());
}

#[flowkit::test]
async fn the_question_mark_turns_an_error_of_a_task_into_anyhow_or_a_box_and_keeps_the_causes() {
    async fn into_anyhow() -> anyhow::Result<u32> {
        Ok(typed().await?)
    }

    async fn into_box() -> Result<u32, BoxError> {
        Ok(with_anyhow().await?)
    }

    let expected = ["cannot read the list", "disk on fire"];
    let error = into_anyhow().await.unwrap_err();
    assert_eq!(causes(error.as_ref()), expected);
    let typed = error.downcast_ref::<flowkit::Error<Unreadable>>().unwrap();
    assert!(typed.task_error().is_some(), "the type is still there");
    let error = into_box().await.unwrap_err();
    assert_eq!(causes(&*error), expected);
}
