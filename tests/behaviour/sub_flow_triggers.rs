//! A sub-flow is a task to its parent: one trigger rule decides over all of its inputs, once.

use flowkit::policy::trigger::Trigger;
use flowkit::prelude::*;

use crate::records::only;

#[task]
async fn good() -> u32 {
    1
}

#[task]
async fn bad() -> Result<u32, String> {
    Err("no".into())
}

#[flow]
async fn clean_up(left: u32) -> Result<u32> {
    Ok(left)
}

#[flow]
async fn parent() -> Result<u32> {
    let (good, bad) = (good().submit(), bad().submit());
    Ok(clean_up::of(&good).after(&bad).trigger(Trigger::OneFailed).await?)
}

#[flowkit::test]
async fn a_sub_flow_whose_trigger_was_met_in_its_parent_is_not_asked_again() {
    let run = parent().run().await;
    assert_eq!(only(&run, "clean_up").state, State::Completed);
    assert_eq!(run.result().as_ref().unwrap(), &1);
}
