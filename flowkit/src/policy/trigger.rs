//! Whether a task may run, given how its inputs ended.
//!
//! The rules and their outcomes are Airflow's (`airflow/ti_deps/deps/trigger_rule_dep.py`). Pure: it reads counts, never the
//! inputs themselves.

use std::fmt;
use std::str::FromStr;

/// When a task runs, depending on how its inputs ended.
///
/// In this table, a cached input has succeeded; an input that timed out, crashed or was cancelled has failed, and so has one that
/// is `UpstreamFailed`, except for `OneDone`. A task without inputs always runs.
///
/// | trigger | runs | otherwise |
/// |---|---|---|
/// | `AllSuccess` | when all succeeded | `UpstreamFailed` at the first failure; skipped if one was skipped and none failed |
/// | `AllFailed` | when all failed | skipped at the first that did not |
/// | `AllDone` | when all are done | |
/// | `OneSuccess` | at the first success | `UpstreamFailed` if one failed; skipped if all were skipped |
/// | `OneFailed` | at the first failure | skipped when all are done |
/// | `OneDone` | at the first that ran itself and succeeded or failed | skipped when all are done |
/// | `NoneFailed` | when all succeeded or were skipped | `UpstreamFailed` at the first failure |
/// | `NoneSkipped` | when all are done | skipped at the first skip |
/// | `NoneFailedMinOneSuccess` | as `NoneFailed`, with one success | `UpstreamFailed` at the first failure; skipped if all were skipped |
/// | `Always` | at once | |
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Trigger {
    /// All inputs succeeded.
    #[default]
    AllSuccess,
    /// All inputs failed.
    AllFailed,
    /// All inputs have ended, whatever their outcome.
    AllDone,
    /// One input succeeded; the others need not have ended.
    OneSuccess,
    /// One input failed; the others need not have ended.
    OneFailed,
    /// One input succeeded or failed; the others need not have ended.
    OneDone,
    /// No input failed.
    NoneFailed,
    /// No input was skipped.
    NoneSkipped,
    /// No input failed and one succeeded.
    NoneFailedMinOneSuccess,
    /// At once, without waiting for any input.
    Always,
}

/// How many inputs a task has, and how many of them have ended in which way.
///
/// The rest, `total` minus the four others, has not ended yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InputCounts {
    /// All inputs, ended or not.
    pub total: u32,
    /// Those that completed or were cached.
    pub succeeded: u32,
    /// Those that failed, timed out, crashed or were cancelled.
    pub failed: u32,
    /// Those that never ran, because an input of theirs failed.
    pub upstream_failed: u32,
    /// Those that were skipped.
    pub skipped: u32,
}

/// What a trigger decides about a task. All but `Wait` are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TriggerVerdict {
    /// Wait: inputs that have not ended may change the decision.
    Wait,
    /// Run the task.
    Run,
    /// End the task as skipped.
    Skip,
    /// End the task as failed by its inputs.
    UpstreamFailed,
}

impl InputCounts {
    fn all_done(&self) -> bool {
        let done = [self.succeeded, self.failed, self.upstream_failed, self.skipped];
        done.into_iter().fold(0, u32::saturating_add) >= self.total
    }
}

impl Trigger {
    /// All triggers.
    pub const ALL: [Self; 10] = [
        Self::AllSuccess,
        Self::AllFailed,
        Self::AllDone,
        Self::OneSuccess,
        Self::OneFailed,
        Self::OneDone,
        Self::NoneFailed,
        Self::NoneSkipped,
        Self::NoneFailedMinOneSuccess,
        Self::Always,
    ];

    /// Decides whether the task runs, as soon as this is certain.
    ///
    /// The final decision depends only on how the inputs ended, never on their order. (Airflow's does, if `all_success` sees a
    /// skip before a failure. Here a skip waits for the other inputs, because a failure among them says more to the user.)
    ///
    /// ```
    /// # use flowkit::policy::trigger::{InputCounts, Trigger, TriggerVerdict};
    /// let inputs = InputCounts { total: 3, succeeded: 1, failed: 1, ..InputCounts::default() };
    /// assert_eq!(Trigger::OneSuccess.verdict(&inputs), TriggerVerdict::Run);
    /// assert_eq!(Trigger::AllDone.verdict(&inputs), TriggerVerdict::Wait);
    /// assert_eq!(Trigger::AllSuccess.verdict(&inputs), TriggerVerdict::UpstreamFailed);
    /// ```
    #[must_use]
    pub fn verdict(self, inputs: &InputCounts) -> TriggerVerdict {
        use Trigger::*;
        use TriggerVerdict::*;
        let InputCounts { total, succeeded, failed, upstream_failed, skipped } = *inputs;
        let any_failed = failed > 0 || upstream_failed > 0;
        match self {
            _ if total == 0 => Run,
            Always => Run,

            // Certain before all are done.
            AllSuccess | NoneFailed | NoneFailedMinOneSuccess if any_failed => UpstreamFailed,
            AllFailed if succeeded > 0 || skipped > 0 => Skip,
            NoneSkipped if skipped > 0 => Skip,
            OneSuccess if succeeded > 0 => Run,
            OneFailed if any_failed => Run,
            OneDone if succeeded > 0 || failed > 0 => Run,

            _ if !inputs.all_done() => Wait,

            // Certain now that all are done.
            AllSuccess if skipped > 0 => Skip,
            NoneFailedMinOneSuccess if succeeded == 0 => Skip,
            OneSuccess if any_failed => UpstreamFailed,
            OneSuccess | OneFailed | OneDone => Skip,
            AllSuccess | AllFailed | AllDone | NoneFailed | NoneSkipped | NoneFailedMinOneSuccess => Run,
        }
    }

    /// Returns the name used in the attribute: `"all_success"`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllSuccess => "all_success",
            Self::AllFailed => "all_failed",
            Self::AllDone => "all_done",
            Self::OneSuccess => "one_success",
            Self::OneFailed => "one_failed",
            Self::OneDone => "one_done",
            Self::NoneFailed => "none_failed",
            Self::NoneSkipped => "none_skipped",
            Self::NoneFailedMinOneSuccess => "none_failed_min_one_success",
            Self::Always => "always",
        }
    }
}

impl fmt::Display for Trigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Trigger {
    type Err = UnknownTrigger;

    fn from_str(name: &str) -> Result<Self, UnknownTrigger> {
        let known = Self::ALL.into_iter().find(|trigger| trigger.name() == name);
        known.ok_or_else(|| UnknownTrigger { name: name.to_owned() })
    }
}

/// The error for a name that is not that of a trigger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownTrigger {
    /// The unknown name.
    pub name: String,
}

impl fmt::Display for UnknownTrigger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "unknown trigger `{}`; use ", self.name)?;
        for (index, trigger) in Trigger::ALL.into_iter().enumerate() {
            let separator = match index {
                0 => "",
                _ if index + 1 == Trigger::ALL.len() => " or ",
                _ => ", ",
            };
            write!(f, "{separator}`{trigger}`")?;
        }
        Ok(())
    }
}

impl std::error::Error for UnknownTrigger {}

#[cfg(test)]
mod tests;
