//! The sliding log of one rate limit. Callers pass the time; it does not wait.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// At most `count` starts in any window of length `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// How many may start in one window.
    pub(crate) count: u32,
    /// The length of the window.
    pub(crate) per: Duration,
}

/// The starts of the last window. A start at `t` counts in `[t, t + per)`.
#[derive(Debug)]
pub(super) struct RateLog {
    pub(super) rate: Rate,
    /// When, and how many; oldest first.
    starts: VecDeque<(Instant, u32)>,
    /// The sum over `starts`.
    spent: u64,
}

impl RateLog {
    pub(super) fn new(rate: Rate) -> Self {
        Self { rate, starts: VecDeque::new(), spent: 0 }
    }

    /// Returns how long `weight` more starts have to wait; zero if they may go now.
    ///
    /// It is the time until enough of the oldest starts have left the window:
    /// `per - (now - start)`, where `start` is the last one that must leave.
    /// The caller has made sure that `weight` is at most `count`.
    pub(super) fn wait(&mut self, weight: u32, now: Instant) -> Duration {
        self.forget(now);
        let mut excess = (self.spent + u64::from(weight)).saturating_sub(self.rate.count.into());
        if excess == 0 {
            return Duration::ZERO;
        }
        for &(at, starts) in &self.starts {
            excess = excess.saturating_sub(starts.into());
            if excess == 0 {
                return self.rate.per.saturating_sub(now.saturating_duration_since(at));
            }
        }
        self.rate.per
    }

    /// Counts `weight` starts at `now`, which is not before the last start.
    pub(super) fn record(&mut self, weight: u32, now: Instant) {
        self.spent += u64::from(weight);
        match self.starts.back_mut() {
            // Many starts at one moment, as under a paused clock, need only one entry.
            Some((at, starts)) if *at == now => *starts = starts.saturating_add(weight),
            _ => self.starts.push_back((now, weight)),
        }
    }

    fn forget(&mut self, now: Instant) {
        while let Some(&(at, starts)) = self.starts.front() {
            if now.saturating_duration_since(at) < self.rate.per {
                break;
            }
            self.spent = self.spent.saturating_sub(starts.into());
            self.starts.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PER: Duration = Duration::from_secs(10);

    #[test]
    fn a_start_leaves_the_window_exactly_after_its_length() {
        let now = Instant::now();
        let mut log = RateLog::new(Rate { count: 2, per: PER });
        log.record(1, now);
        log.record(1, now + Duration::from_secs(4));
        let after = |seconds| now + Duration::from_secs(seconds);
        let waits = [4, 9, 10].map(|seconds| log.wait(1, after(seconds)).as_secs());
        assert_eq!(waits, [6, 1, 0]);
    }

    #[test]
    fn a_heavy_start_waits_for_the_last_start_that_must_leave() {
        let now = Instant::now();
        let mut log = RateLog::new(Rate { count: 3, per: PER });
        for second in 0..3 {
            log.record(1, now + Duration::from_secs(second));
        }
        let later = now + Duration::from_secs(2);
        let waits = [1, 2, 3].map(|weight| log.wait(weight, later).as_secs());
        assert_eq!(waits, [8, 9, 10]);
    }
}
