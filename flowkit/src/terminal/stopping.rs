//! What is shown between the signal that stops a program and the end of its runs: which tasks may still run, and for how
//! long. Does not report how a run ended. Pure.

use std::time::Duration;

use crate::model::{Timestamp, WallTime};
use crate::text::wording::counted;

/// A signal that the program received.
#[derive(Clone, Copy, Debug)]
pub(super) struct StopNotice {
    /// Its name, such as `SIGTERM`.
    pub(super) signal: &'static str,
    pub(super) at: WallTime,
    /// How long running tasks may take to end; zero after a second signal.
    pub(super) grace: Duration,
}

impl StopNotice {
    /// Returns what happens, in a word.
    pub(super) fn verb(&self) -> &'static str {
        if self.grace.is_zero() { "aborting" } else { "stopping" }
    }

    /// Returns what the next signal would do.
    pub(super) fn next(&self) -> &'static str {
        if self.grace.is_zero() { "end at once" } else { "abort" }
    }

    /// Says what `running` tasks may still do: `2 tasks have up to 30 s to end`.
    pub(super) fn words(&self, running: usize, now: WallTime) -> String {
        if self.grace.is_zero() {
            return "remaining runs are suspended".to_owned();
        }
        if running == 0 {
            return "no task runs, remaining runs are suspended".to_owned();
        }
        let rest = self.at.plus(Timestamp::new(self.grace)).since(now);
        // Half a second is shown as a second: zero would mean that it is over.
        let seconds = rest.as_millis().div_ceil(1000);
        format!("{} up to {seconds} s to end", counted(running, "task has", "tasks have"))
    }

    /// Returns the line for a log.
    pub(super) fn line(&self, running: usize) -> String {
        let (verb, words, next) = (self.verb(), self.words(running, self.at), self.next());
        format!("{verb} by {}: {words}; once more to {next}", self.signal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_remaining_time_is_shown_in_whole_seconds() {
        let at = |millis: i64| WallTime::from_micros(millis * 1000);
        let stopping = StopNotice { signal: "SIGINT", at: at(0), grace: Duration::from_secs(30) };
        assert_eq!(stopping.words(2, at(0)), "2 tasks have up to 30 s to end");
        assert_eq!(stopping.words(1, at(29_001)), "1 task has up to 1 s to end");
        assert_eq!(stopping.words(1, at(31_000)), "1 task has up to 0 s to end");
        assert_eq!(stopping.words(0, at(0)), "no task runs, remaining runs are suspended");
    }

    #[test]
    fn the_second_signal_ends_the_grace_period() {
        let at = WallTime::from_micros(0);
        let second = StopNotice { signal: "SIGINT", at, grace: Duration::ZERO };
        assert_eq!(
            second.line(2),
            "aborting by SIGINT: remaining runs are suspended; once more to end at once"
        );
    }
}
