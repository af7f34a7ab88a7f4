//! Tests of the parent: what every variant prints, what lies behind it, and what kinds of errors tasks may return.

use std::error::Error as StdError;
use std::io;
use std::panic::Location;

use super::*;
use crate::macro_support::{AsError as _, DerefsToError as _, NoErrorToShow as _, Probe};
use crate::model::Kind;
use crate::value::BoxError;

fn run(kind: Kind, label: &str) -> RunLabel {
    RunLabel::new(kind, label.to_owned())
}

fn task() -> RunLabel {
    run(Kind::Task, "load[3]")
}

/// An error with a cause of its own.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the list")]
struct Unreadable(#[source] io::Error);

fn unreadable() -> Unreadable {
    Unreadable(io::Error::other("disk on fire"))
}

fn failure(attempts: u32) -> Error<Unreadable> {
    Error::Task(Failure::new(task(), attempts, unreadable(), |error| Some(error), None))
}

fn chain(error: &dyn StdError) -> Vec<String> {
    std::iter::successors(error.source(), |error| (*error).source()).map(ToString::to_string).collect()
}

/// Each variant but `Task`: its text, and the texts of what lies behind it.
fn others() -> Vec<(Error<String>, &'static str, Vec<&'static str>)> {
    let limit = Duration::from_millis(1500);
    let timed_out = |attempts, orphaned| Error::TimedOut { run: task(), limit, attempts, orphaned };
    let cause: Arc<dyn StdError + Send + Sync> = Arc::new(unreadable());
    let flow = || run(Kind::Flow, "nightly");
    let tasks_failed = |cause| Error::TasksFailed { run: flow(), failed: 1, total: 3, cause };
    vec![
        (timed_out(1, false), "task `load[3]` timed out: it was still running after 1.5s", vec![]),
        (
            timed_out(4, true),
            "task `load[3]` timed out: attempt 4 was still running after 1.5s, and its thread cannot be stopped",
            vec![],
        ),
        (
            Error::Panicked { run: task(), message: "index out of bounds".into() },
            "task `load[3]` panicked: index out of bounds",
            vec![],
        ),
        (Error::Cancelled { run: flow(), orphaned: false }, "flow `nightly` was cancelled", vec![]),
        (Error::Cancelled { run: task(), orphaned: true }, "task `load[3]` was cancelled", vec![]),
        (
            Error::Upstream {
                run: task(),
                input: run(Kind::Task, "list"),
                cause: Arc::clone(&cause),
                met: None,
            },
            "task `load[3]` did not run: its input task `list` has no result",
            vec!["cannot read the list", "disk on fire"],
        ),
        (
            Error::Skipped { run: task(), reason: Arc::new("nothing to do".into()) },
            "task `load[3]` was skipped: nothing to do",
            vec![],
        ),
        (
            Error::CriticalFailed {
                run: flow(),
                task: run(Kind::Task, "validate"),
                cause: Arc::clone(&cause),
            },
            "flow `nightly` cannot continue without task `validate`",
            vec!["cannot read the list", "disk on fire"],
        ),
        (
            tasks_failed(Some(cause)),
            "flow `nightly` failed: 1 of 3 task runs failed",
            vec!["cannot read the list", "disk on fire"],
        ),
        (tasks_failed(None), "flow `nightly` failed: 1 of 3 task runs failed", vec![]),
        (
            Error::Refused { run: task(), refusal: Refusal::FlowEnded },
            "task `load[3]` cannot run",
            vec!["its flow run has ended; a call made in a spawned task must be awaited by the flow"],
        ),
    ]
}

#[test]
fn every_variant_says_in_one_line_what_happened_and_leaves_the_causes_to_its_sources() {
    for (error, text, causes) in others() {
        assert_eq!(error.to_string(), text);
        assert_eq!(chain(&error), causes, "{text}");
    }
}

#[test]
fn debug_prints_the_line_and_one_line_per_cause() {
    for (error, text, causes) in others() {
        let causes: String = causes.iter().map(|cause| format!("\n  caused by: {cause}")).collect();
        assert_eq!(format!("{error:?}"), format!("{text}{causes}"));
    }
    assert_eq!(
        format!("{:?}", failure(2)),
        "task `load[3]` failed after 2 attempts\n  \
         caused by: cannot read the list\n  \
         caused by: disk on fire"
    );
}

#[test]
fn a_clone_prints_the_same_and_has_the_same_causes() {
    for (error, ..) in others() {
        let clone = error.clone();
        assert_eq!(format!("{clone:?}"), format!("{error:?}"));
        assert_eq!((clone.run(), clone.kind()), (error.run(), error.kind()));
    }
    assert_eq!(format!("{:?}", failure(1).clone()), format!("{:?}", failure(1)));
}

#[test]
fn each_question_is_true_of_its_variant_only() {
    for (error, text, _) in others() {
        let questions = [
            (error.is_timed_out(), "TimedOut"),
            (error.is_panicked(), "Panicked"),
            (error.is_cancelled(), "Cancelled"),
            (error.is_upstream(), "Upstream"),
            (error.is_skipped(), "Skipped"),
        ];
        for (answer, kind) in questions {
            assert_eq!(answer, error.kind() == kind, "{text}");
        }
        assert!(error.task_error().is_none());
    }
    let failure = failure(1);
    assert!(failure.task_error().is_some());
    assert!(!failure.is_timed_out() && !failure.is_panicked() && !failure.is_cancelled());
    assert!(failure.kind().ends_with("Unreadable"), "{}", failure.kind());
}

#[test]
fn a_failure_stands_for_the_error_that_the_task_returned() {
    let Error::Task(failure) = failure(2) else { unreachable!() };
    assert_eq!(failure.attempts(), 2);
    assert_eq!(failure.to_string(), "cannot read the list");
    assert_eq!(format!("{failure:?}"), format!("{:?}", unreadable()));
    assert_eq!(failure.source().unwrap().to_string(), "disk on fire");
    let second = failure.clone();
    let failure = failure.into_inner().unwrap_err();
    drop(second);
    assert_eq!(failure.into_inner().unwrap().to_string(), "cannot read the list");
}

#[test]
fn the_text_of_an_error_that_is_no_source_stands_in_the_line_itself() {
    let failure = |attempts| -> Error<String> {
        Error::Task(Failure::new(task(), attempts, "no money".to_owned(), |_| None, None))
    };
    assert_eq!(failure(1).to_string(), "task `load[3]` failed: no money");
    assert_eq!(failure(2).to_string(), "task `load[3]` failed after 2 attempts: no money");
    assert!(failure(1).source().is_none());
}

#[test]
fn a_retry_condition_that_panicked_is_named_at_the_end() {
    let doubt = || Some("no idea".into());
    let shown: Error<Unreadable> =
        Error::Task(Failure::new(task(), 1, unreadable(), |error| Some(error), doubt()));
    let note = "(not retried: `retry_if` panicked: no idea)";
    assert_eq!(shown.to_string(), format!("task `load[3]` failed {note}"));
    assert_eq!(shown.report(Location::caller()).message, format!("cannot read the list {note}"));
    let text: Error<String> = Error::Task(Failure::new(task(), 1, "no money".to_owned(), |_| None, doubt()));
    assert_eq!(text.to_string(), format!("task `load[3]` failed: no money {note}"));
}

#[test]
fn a_report_begins_with_the_tasks_own_words() {
    let here = Location::caller();
    let report = failure(3).report(here);
    assert_eq!((&*report.task, &*report.message), ("load[3]", "cannot read the list"));
    assert_eq!(report.causes, ["disk on fire"]);
    assert_eq!(report.location, format!("{}:{}", here.file(), here.line()));
    for (error, text, causes) in others() {
        let report = error.report(here);
        assert_eq!(
            (&*report.message, &*report.causes),
            (text, &*causes.iter().map(ToString::to_string).collect::<Vec<_>>())
        );
    }
}

/// What the attributes write down for a task with this error: the same words, the same way of finding out.
macro_rules! as_error {
    ($error:expr) => {{
        fn same<E: super::TaskError>(
            error: E,
            shown: fn(&E) -> Option<&(dyn StdError + 'static)>,
        ) -> Error<E> {
            Error::Task(Failure::new(task(), 1, error, shown, None))
        }
        same($error, |error| (&&Probe(error)).as_error())
    }};
}

#[test]
fn an_error_type_is_the_source_itself() {
    let error = as_error!(unreadable());
    assert_eq!(error.to_string(), "task `load[3]` failed");
    assert_eq!(chain(&error), ["cannot read the list", "disk on fire"]);
    assert!(error.source().unwrap().is::<Unreadable>());
}

#[test]
fn a_boxed_error_is_shown_as_what_is_in_the_box() {
    let error = as_error!(BoxError::from(unreadable()));
    assert_eq!(error.to_string(), "task `load[3]` failed");
    assert_eq!(chain(&error), ["cannot read the list", "disk on fire"]);
    assert!(error.source().unwrap().is::<Unreadable>());
    let error = as_error!(BoxError::from("only words"));
    assert_eq!(chain(&error), ["only words"]);
}

#[test]
fn the_alternate_form_is_the_whole_chain_on_one_line() {
    let error = failure(1);
    assert_eq!(format!("{error}"), "task `load[3]` failed");
    assert_eq!(format!("{error:#}"), "task `load[3]` failed: cannot read the list: disk on fire");
    for (error, line, behind) in others() {
        let whole: Vec<&str> = std::iter::once(line).chain(behind).collect();
        assert_eq!(format!("{error:#}"), whole.join(": "));
    }
    let locked = crate::store::StoreError::Write {
        path: "runs.db".into(),
        source: Arc::new(Unreadable(io::Error::other("disk on fire"))),
    };
    assert_eq!(format!("{locked}"), "cannot write to the database `runs.db`");
    let whole = "cannot write to the database `runs.db`: cannot read the list: disk on fire";
    assert_eq!(format!("{locked:#}"), whole);
}

#[test]
fn the_type_of_a_boxed_error_says_nothing_so_it_is_not_logged() {
    assert_eq!(failure(1).logged_kind(), Some(std::any::type_name::<Unreadable>()));
    let boxed = as_error!(BoxError::from(unreadable()));
    assert_eq!(boxed.logged_kind(), None);
    let panicked = Error::<BoxError>::Panicked { run: task(), message: "no".into() };
    assert_eq!(panicked.logged_kind(), Some("Panicked"));
}

#[test]
fn a_string_has_no_source_and_is_shown_in_the_line() {
    let error = as_error!("only words".to_owned());
    assert_eq!(error.to_string(), "task `load[3]` failed: only words");
    assert!(error.source().is_none());
    let error = as_error!("only words");
    assert_eq!(error.to_string(), "task `load[3]` failed: only words");
}

#[test]
fn a_shared_error_is_a_source_too() {
    let error = as_error!(Arc::new(unreadable()));
    assert_eq!(chain(&error), ["cannot read the list", "disk on fire"]);
}

#[test]
fn an_error_of_flowkit_may_be_the_error_of_a_task() {
    let error = as_error!(failure(2));
    assert_eq!(
        chain(&error),
        ["task `load[3]` failed after 2 attempts", "cannot read the list", "disk on fire"]
    );
}
