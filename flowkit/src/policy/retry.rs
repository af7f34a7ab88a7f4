//! Whether a failed attempt is followed by another one, and after what wait.
//!
//! Pure: no clock, no sleeping, no randomness. The caller draws the random number for the jitter.

use std::borrow::Cow;
use std::time::Duration;

/// How the wait grows from one retry to the next.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Backoff {
    /// `wait(n) = delay`
    #[default]
    Fixed,
    /// `wait(n) = delay * n`
    Linear,
    /// `wait(n) = delay * 2^(n - 1)`
    Exponential,
}

impl Backoff {
    /// Returns the wait before retry number `retry`, counting from 1 (0 is read as 1).
    ///
    /// It saturates at [`Duration::MAX`]; a zero `delay` stays zero. `Exponential` gives the
    /// delays of Prefect's `exponential_backoff` (`src/prefect/tasks.py`).
    ///
    /// ```
    /// # use flowkit::policy::retry::Backoff;
    /// # use std::time::Duration;
    /// let second = Duration::from_secs(1);
    /// assert_eq!(Backoff::Linear.wait(second, 4), Duration::from_secs(4));
    /// assert_eq!(Backoff::Exponential.wait(second, 4), Duration::from_secs(8));
    /// ```
    #[must_use]
    pub fn wait(self, delay: Duration, retry: u32) -> Duration {
        // 95 doublings take even one nanosecond beyond `Duration::MAX`, which is below 2^94 ns.
        const DOUBLINGS_MAX: u32 = 95;
        let retry = retry.max(1);
        match self {
            Self::Fixed => delay,
            Self::Linear => delay.saturating_mul(retry),
            Self::Exponential => {
                (0..(retry - 1).min(DOUBLINGS_MAX)).fold(delay, |wait, _| wait.saturating_mul(2))
            }
        }
    }
}

/// How often a failed task is retried and how long it waits before each retry.
///
/// | field | unit | default |
/// |---|---|---|
/// | `retries` | attempts after the first | 0 |
/// | `delays` | waits; the last one repeats | none: retry at once |
/// | `backoff` | growth of a single delay | [`Backoff::Fixed`] |
/// | `max_delay` | upper limit of a wait before jitter | 1 h |
/// | `jitter` | share of the wait, 0 to 1 | 0 |
/// | `retry_panics` | | `false` |
#[derive(Clone, Debug, PartialEq)]
pub struct RetryPolicy {
    /// Retries after the first attempt; `n` retries are at most `n + 1` attempts.
    pub retries: u32,
    /// The waits, in order. If there are two or more, the last one repeats and `backoff` has no effect.
    pub delays: Cow<'static, [Duration]>,
    /// How a single delay grows.
    pub backoff: Backoff,
    /// The upper limit of a wait, before jitter.
    pub max_delay: Duration,
    /// The share of the wait that is random: 0 is none, 0.2 is ±20 %. Clamped to 0 to 1; NaN is read as 0.
    pub jitter: f64,
    /// Whether a panic is retried. A panic is most often a bug, which another attempt repeats.
    pub retry_panics: bool,
}

impl RetryPolicy {
    /// The limit of a wait if none is set.
    ///
    /// One hour: an exponential delay of 1 s gets there at the 13th retry. Without a limit, the 20th would wait six days; a task
    /// that is to wait that long needs a schedule, not a retry.
    pub const DEFAULT_MAX_DELAY: Duration = Duration::from_secs(60 * 60);

    /// The built-in policy: one attempt, no retry.
    pub const NONE: Self = Self {
        retries: 0,
        delays: Cow::Borrowed(&[]),
        backoff: Backoff::Fixed,
        max_delay: Self::DEFAULT_MAX_DELAY,
        jitter: 0.0,
        retry_panics: false,
    };

    /// Returns the wait before retry number `retry`, counting from 1 (0 is read as 1).
    ///
    /// ```text
    /// base(n) = delays[min(n, len) - 1]           two or more delays
    ///         = backoff.wait(delays[0], n)        one delay
    ///         = 0                                 none
    /// wait(n) = min(base(n), max_delay) * (1 + jitter * (2 * draw - 1))
    /// ```
    ///
    /// `draw` is uniform in 0 to 1, so the wait is uniform in `[d * (1 - jitter), d * (1 + jitter)]`
    /// with mean `d`: the band of Prefect, there a clamped Poisson interval
    /// (`clamped_poisson_interval` in `src/prefect/utilities/math.py`). The jitter comes after the
    /// limit: if it came before, all long waits would end at the limit together, just when they
    /// should be apart.
    ///
    /// Never panics: the wait saturates at [`Duration::MAX`], `draw` is clamped to 0 to 1, and NaN is read as one half. A zero
    /// wait stays exactly zero.
    ///
    /// ```
    /// # use flowkit::policy::retry::{Backoff, RetryPolicy};
    /// # use std::time::Duration;
    /// let policy = RetryPolicy {
    ///     retries: 5,
    ///     delays: vec![Duration::from_secs(10)].into(),
    ///     backoff: Backoff::Exponential,
    ///     max_delay: Duration::from_secs(60),
    ///     jitter: 0.5,
    ///     ..RetryPolicy::NONE
    /// };
    /// assert_eq!(policy.delay(2, 0.5), Duration::from_secs(20));   // the mean
    /// assert_eq!(policy.delay(2, 0.0), Duration::from_secs(10));   // the shortest
    /// assert_eq!(policy.delay(9, 1.0), Duration::from_secs(90));   // the longest, beyond the limit
    /// ```
    #[must_use]
    pub fn delay(&self, retry: u32, draw: f64) -> Duration {
        let base = match &*self.delays {
            [] => Duration::ZERO,
            [delay] => self.backoff.wait(*delay, retry),
            [delays @ .., last] => {
                let index = retry.saturating_sub(1) as usize;
                *delays.get(index).unwrap_or(last)
            }
        };
        spread(base.min(self.max_delay), self.jitter, draw)
    }

    /// Decides what follows attempt number `attempt`, counting from 1, that ended with `outcome`.
    ///
    /// If several reasons to give up apply, the result is the one that more retries would not change: a fatal error in the last
    /// attempt is [`GiveUp::Fatal`], not [`GiveUp::Exhausted`].
    ///
    /// ```
    /// # use flowkit::policy::retry::{GiveUp, Outcome, RetryPolicy, Verdict};
    /// # use std::time::Duration;
    /// let policy = RetryPolicy { retries: 1, ..RetryPolicy::NONE };
    /// assert_eq!(policy.verdict(1, Outcome::TimedOut, 0.5), Verdict::Retry { delay: Duration::ZERO });
    /// assert_eq!(policy.verdict(2, Outcome::TimedOut, 0.5), Verdict::GiveUp { reason: GiveUp::Exhausted });
    /// ```
    #[must_use]
    pub fn verdict(&self, attempt: u32, outcome: Outcome, draw: f64) -> Verdict {
        // Attempts count from 1; a 0 must not add a retry.
        let attempt = attempt.max(1);
        let reason = match outcome {
            Outcome::Cancelled => GiveUp::Cancelled,
            Outcome::Errored { fatal: true, .. } => GiveUp::Fatal,
            Outcome::Errored { retryable: false, .. } => GiveUp::NotRetryable,
            Outcome::Panicked if !self.retry_panics => GiveUp::Panicked,
            Outcome::Errored { .. } | Outcome::TimedOut | Outcome::Panicked => {
                if attempt <= self.retries {
                    return Verdict::Retry { delay: self.delay(attempt, draw) };
                }
                GiveUp::Exhausted
            }
        };
        Verdict::GiveUp { reason }
    }
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self::NONE
    }
}

/// How an attempt ended without success, as far as a retry depends on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The task returned an error.
    Errored {
        /// The task marked the error with `fatal`: never retry it.
        fatal: bool,
        /// `retry_if` returned `true`, or there is none.
        retryable: bool,
    },
    /// The attempt exceeded its timeout. It is retried like an error.
    TimedOut,
    /// The task panicked. It is retried only with `retry_panics`.
    Panicked,
    /// The attempt was cancelled. It is never retried: its caller, or a user, wanted it to stop.
    Cancelled,
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Start the next attempt after `delay`; zero means at once, with no waiting state in between.
    Retry {
        /// The wait, jitter included.
        delay: Duration,
    },
    /// The task run ends here. There is no wait after the last attempt.
    GiveUp {
        /// Why there is no further attempt.
        reason: GiveUp,
    },
}

/// Why a task run gets no further attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum GiveUp {
    /// The last allowed attempt failed.
    Exhausted,
    /// The error was marked fatal.
    Fatal,
    /// `retry_if` returned `false`.
    NotRetryable,
    /// The attempt was cancelled.
    Cancelled,
    /// The attempt panicked and `retry_panics` is off.
    Panicked,
}

/// What `retry_delay` accepts: one delay, or several whose last one repeats.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a retry delay",
    label = "expected a `Duration`, or several as an array, a `Vec` or a `&'static [Duration]`"
)]
pub trait IntoDelays {
    /// Returns the delays in order.
    fn into_delays(self) -> Cow<'static, [Duration]>;
}

impl IntoDelays for Duration {
    fn into_delays(self) -> Cow<'static, [Duration]> {
        Cow::Owned(vec![self])
    }
}

impl<const N: usize> IntoDelays for [Duration; N] {
    fn into_delays(self) -> Cow<'static, [Duration]> {
        Cow::Owned(self.into())
    }
}

impl IntoDelays for Vec<Duration> {
    fn into_delays(self) -> Cow<'static, [Duration]> {
        Cow::Owned(self)
    }
}

impl IntoDelays for &'static [Duration] {
    fn into_delays(self) -> Cow<'static, [Duration]> {
        Cow::Borrowed(self)
    }
}

/// Moves `wait` by up to `jitter` of itself: down for a `draw` below one half, up above it.
fn spread(wait: Duration, jitter: f64, draw: f64) -> Duration {
    let jitter = if jitter.is_nan() { 0.0 } else { jitter.clamp(0.0, 1.0) };
    let draw = if draw.is_nan() { 0.5 } else { draw.clamp(0.0, 1.0) };
    if jitter == 0.0 || wait.is_zero() {
        // Exact: a long wait would lose nanoseconds as an `f64`.
        return wait;
    }
    let factor = 1.0 + jitter * (2.0 * draw - 1.0);
    // The only possible error is a value beyond `Duration::MAX`: neither factor is negative or NaN.
    Duration::try_from_secs_f64(wait.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests;
