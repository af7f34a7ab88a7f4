//! Trigger rules: when a task runs, given how its inputs ended. Early rules do not wait for the rest.

use std::convert::Infallible;
use std::sync::Arc;

use flowkit::policy::trigger::Trigger;
use flowkit::prelude::*;
use tokio::sync::Semaphore;

/// An input: succeeds, fails, is skipped, or has an input that failed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Input {
    Good,
    Bad,
    Skipped,
    Upstream,
    /// Ends well, after the task in question has ended.
    Late,
}

use Input::{Bad, Good, Late, Skipped, Upstream};

#[task]
async fn outcome(input: Input, gate: Arc<Semaphore>) -> Result<(), String> {
    if input == Late {
        gate.acquire().await.expect("the gate is never closed").forget();
    }
    if input == Bad { Err("bad".into()) } else { Ok(()) }
}

#[task]
async fn dependent() {}

fn start(input: Input, gate: &Arc<Semaphore>) -> Handle<(), String> {
    match input {
        Good | Bad | Late => outcome(input, gate.clone()).submit(),
        // A rule that is not met skips.
        Skipped => {
            let good = outcome(Good, gate.clone()).submit();
            outcome(Good, gate.clone()).after(&good).trigger(Trigger::AllFailed).submit()
        }
        Upstream => {
            let bad = outcome(Bad, gate.clone()).submit();
            outcome(Good, gate.clone()).after(&bad).submit()
        }
    }
}

/// Ends the inputs that are not late, then calls the dependent; late inputs end when it has ended.
#[flow]
async fn decide(trigger: Trigger, inputs: Vec<Input>, submitted: bool) -> Result<State> {
    let gate = Arc::new(Semaphore::new(0));
    let handles: Vec<_> = inputs.iter().map(|input| start(*input, &gate)).collect();
    for (handle, _) in handles.iter().zip(&inputs).filter(|(_, input)| **input != Late) {
        handle.ended().await;
    }
    let call = dependent().after(&handles[..]).trigger(trigger);
    let state = if submitted {
        call.submit().ended().await
    } else {
        match call.await {
            Ok(()) => State::Completed,
            Err(error) if error.is_upstream() => State::UpstreamFailed,
            Err(error) if error.is_skipped() => State::Skipped,
            Err(error) => return Err(error.into()),
        }
    };
    gate.add_permits(inputs.len());
    Ok(state)
}

async fn check(table: &[(Trigger, &[Input], State)], ways: &[bool]) {
    for (trigger, inputs, expected) in table {
        for submitted in ways {
            let run = decide(*trigger, inputs.to_vec(), *submitted).run().await;
            assert_eq!(
                run.result().as_ref().unwrap(),
                expected,
                "{trigger} of {inputs:?}, submitted: {submitted}"
            );
            assert_eq!(run.task_runs_of("dependent")[0].state, *expected);
        }
    }
}

#[flowkit::test]
async fn each_rule_runs_skips_or_fails_by_how_the_inputs_ended() {
    let table: [(Trigger, &[Input], State); 27] = [
        (Trigger::AllSuccess, &[Good, Good], State::Completed),
        (Trigger::AllSuccess, &[Good, Bad], State::UpstreamFailed),
        (Trigger::AllSuccess, &[Good, Upstream], State::UpstreamFailed),
        (Trigger::AllSuccess, &[Good, Skipped], State::Skipped),
        (Trigger::AllSuccess, &[Bad, Skipped], State::UpstreamFailed),
        (Trigger::AllFailed, &[Bad, Bad], State::Completed),
        (Trigger::AllFailed, &[Bad, Upstream], State::Completed),
        (Trigger::AllFailed, &[Bad, Good], State::Skipped),
        (Trigger::AllDone, &[Good, Bad], State::Completed),
        (Trigger::AllDone, &[Upstream, Skipped], State::Completed),
        (Trigger::OneSuccess, &[Bad, Good], State::Completed),
        (Trigger::OneSuccess, &[Bad, Bad], State::UpstreamFailed),
        (Trigger::OneSuccess, &[Skipped, Skipped], State::Skipped),
        (Trigger::OneFailed, &[Good, Bad], State::Completed),
        (Trigger::OneFailed, &[Good, Good], State::Skipped),
        (Trigger::OneDone, &[Skipped, Good], State::Completed),
        (Trigger::OneDone, &[Skipped, Bad], State::Completed),
        (Trigger::OneDone, &[Skipped, Upstream], State::Skipped),
        (Trigger::NoneFailed, &[Good, Skipped], State::Completed),
        (Trigger::NoneFailed, &[Good, Bad], State::UpstreamFailed),
        (Trigger::NoneSkipped, &[Good, Bad], State::Completed),
        (Trigger::NoneSkipped, &[Good, Skipped], State::Skipped),
        (Trigger::NoneFailedMinOneSuccess, &[Good, Skipped], State::Completed),
        (Trigger::NoneFailedMinOneSuccess, &[Skipped, Skipped], State::Skipped),
        (Trigger::NoneFailedMinOneSuccess, &[Good, Bad], State::UpstreamFailed),
        (Trigger::Always, &[Bad, Upstream], State::Completed),
        (Trigger::Always, &[], State::Completed),
    ];
    for trigger in Trigger::ALL {
        assert!(table.iter().any(|(listed, ..)| *listed == trigger), "{trigger} is not in the table");
    }
    check(&table, &[false, true]).await;
}

#[flowkit::test]
async fn a_rule_that_is_certain_early_does_not_wait_for_the_rest() {
    let table: [(Trigger, &[Input], State); 9] = [
        (Trigger::OneSuccess, &[Late, Good], State::Completed),
        (Trigger::OneFailed, &[Late, Bad], State::Completed),
        (Trigger::OneDone, &[Late, Bad], State::Completed),
        (Trigger::OneDone, &[Late, Good], State::Completed),
        (Trigger::Always, &[Late, Late], State::Completed),
        (Trigger::AllFailed, &[Late, Good], State::Skipped),
        (Trigger::NoneSkipped, &[Late, Skipped], State::Skipped),
        (Trigger::NoneFailed, &[Late, Bad], State::UpstreamFailed),
        (Trigger::NoneFailedMinOneSuccess, &[Late, Bad], State::UpstreamFailed),
    ];
    check(&table, &[false, true]).await;
}

#[flowkit::test]
async fn an_awaited_call_whose_input_failed_does_not_wait_for_the_rest() {
    check(&[(Trigger::AllSuccess, &[Late, Bad], State::UpstreamFailed)], &[false]).await;
}

#[task(trigger = "all_done")]
async fn cleaned_up(rows: &Result<Vec<u32>, Error<String>>) -> bool {
    rows.is_ok()
}

#[task]
async fn rows() -> Result<Vec<u32>, String> {
    Err("no rows".into())
}

#[task(trigger = "all_done")]
async fn counted(rows: &[u32]) -> usize {
    rows.len()
}

#[flow]
async fn data_and_rules() -> Result<(bool, State, State)> {
    let rows = rows().submit();
    let cleaned_up = cleaned_up::submit(allow_failure(&rows)).await?;
    let counted = counted::submit(&rows).ended().await;
    let overruled = cleaned_up::of(allow_failure(&rows)).trigger(Trigger::AllFailed).submit();
    Ok((cleaned_up, counted, overruled.ended().await))
}

#[flowkit::test]
async fn a_rule_cannot_make_a_task_run_without_the_value_of_an_argument() {
    let (cleaned_up, counted, overruled) = data_and_rules().await.unwrap();
    assert!(!cleaned_up, "a failure that is allowed is a value");
    assert_eq!(counted, State::UpstreamFailed);
    assert_eq!(overruled, State::Skipped, "the call's rule wins, and an allowed failure counts as a success");
}

#[flow]
async fn lacks_a_value() -> Result<(String, String)> {
    let rows = rows().submit();
    let counted = counted::submit(&rows).await.unwrap_err();
    let skipped = cleaned_up::of(allow_failure(&rows)).trigger(Trigger::AllFailed).submit();
    let after_skip = counted::of(rows_of(&skipped)).trigger(Trigger::NoneFailed).await.unwrap_err();
    Ok((counted.to_string(), after_skip.to_string()))
}

#[task]
async fn made(is_good: bool) -> Vec<u32> {
    vec![u32::from(is_good)]
}

/// What has a skipped input is skipped.
fn rows_of(skipped: &Handle<bool, Infallible>) -> Handle<Vec<u32>, Infallible> {
    made::of(skipped).submit()
}

#[flowkit::test]
async fn a_task_whose_rule_is_met_and_that_lacks_a_value_says_what_to_write() {
    let (counted, after_skip) = lacks_a_value().await.unwrap();
    let advice = |rule: &str| {
        format!(
            "; its trigger rule `{rule}` is met, but gives no value for that argument: pass `allow_failure(&handle)`, \
             and let the parameter be a `Result<_, flowkit::Error<_>>`"
        )
    };
    let missing = "task `counted` did not run: its input task `rows` has no result";
    assert_eq!(counted, format!("{missing}{}", advice("all_done")));
    let skipped = "task `counted` was skipped: its input task `made` was skipped";
    assert_eq!(after_skip, format!("{skipped}{}", advice("none_failed")));
}
