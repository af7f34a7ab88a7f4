//! Decisions made from plain values: retries, trigger rules, cache keys, what a resumed run does again.
//!
//! Pure: no async, no clock, no randomness, no I/O. The engine asks for the decisions and carries them out.

pub mod cache;
pub mod durability;
pub mod resume;
pub mod retry;
pub mod trigger;

use std::borrow::Cow;
use std::time::Duration;

use retry::{Backoff, IntoDelays, RetryPolicy};
use trigger::Trigger;

/// The options that one level sets for a task; `None` where it leaves an option to the next level.
///
/// The levels, strongest first: the call, the attribute, the flow's `task_defaults`, the runtime's. [`or`](Self::or) combines
/// two of them. The builder methods are named like the attribute keys.
///
/// ```
/// # use flowkit::policy::TaskPolicy;
/// # use std::{borrow::Cow, time::Duration};
/// static ATTRIBUTE: TaskPolicy = TaskPolicy {
///     retries: Some(3),
///     retry_delay: Some(Cow::Borrowed(&[Duration::from_secs(1)])),
///     ..TaskPolicy::EMPTY
/// };
/// let call = TaskPolicy::EMPTY.retries(0);
/// assert_eq!(call.or(&ATTRIBUTE).retry_policy().retries, 0);
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TaskPolicy {
    /// Attempts after the first. Default: 0.
    pub retries: Option<u32>,
    /// The wait before a retry, or several waits, whose last one repeats. Default: none.
    pub retry_delay: Option<Cow<'static, [Duration]>>,
    /// How a single `retry_delay` grows. Default: [`Backoff::Fixed`].
    pub backoff: Option<Backoff>,
    /// The limit of a wait, before jitter. Default: 1 h, or the longest `retry_delay` if that is more.
    pub max_retry_delay: Option<Duration>,
    /// The share of a wait that is random, 0 to 1. Default: 0.
    pub jitter: Option<f64>,
    /// The time limit of one attempt. Default: none; [`Duration::MAX`] removes the limit of a weaker level.
    pub timeout: Option<Duration>,
    /// Whether a panic is retried. Default: `false`.
    pub retry_panics: Option<bool>,
    /// Which outcomes of the inputs let the task run. Default: [`Trigger::AllSuccess`].
    pub trigger: Option<Trigger>,
    /// How long a cached result may be reused. Default: without limit.
    pub cache_ttl: Option<Duration>,
    /// Whether the flow fails when the task fails. Default: `false`.
    pub critical: Option<bool>,
    /// Who gets the slots of a limit first, among those that wait for it: the higher one. Default: 0.
    pub priority: Option<i16>,
}

static EMPTY: TaskPolicy = TaskPolicy::EMPTY;

impl TaskPolicy {
    /// Sets no option. The same as `default()`, usable in a static.
    pub const EMPTY: Self = Self {
        retries: None,
        retry_delay: None,
        backoff: None,
        max_retry_delay: None,
        jitter: None,
        timeout: None,
        retry_panics: None,
        trigger: None,
        cache_ttl: None,
        critical: None,
        priority: None,
    };

    /// Sets how many attempts may follow the first. 0 is a value, too: it overrides the 3 of a weaker level.
    #[must_use = "returns the changed policy; the original is untouched"]
    pub const fn retries(mut self, retries: u32) -> Self {
        self.retries = Some(retries);
        self
    }

    /// Sets the wait before a retry: one `Duration`, or several, whose last one repeats.
    #[must_use = "returns the changed policy; the original is untouched"]
    pub fn retry_delay(mut self, delay: impl IntoDelays) -> Self {
        self.retry_delay = Some(delay.into_delays());
        self
    }

    /// Sets how a single `retry_delay` grows.
    #[must_use = "returns the changed policy; the original is untouched"]
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = Some(backoff);
        self
    }

    /// Sets the limit of a wait, before jitter.
    #[must_use = "returns the changed policy; the original is untouched"]
    pub const fn max_retry_delay(mut self, limit: Duration) -> Self {
        self.max_retry_delay = Some(limit);
        self
    }

    /// Sets the share of a wait that is random, 0 to 1.
    #[must_use = "returns the changed policy; the original is untouched"]
    pub const fn jitter(mut self, share: f64) -> Self {
        self.jitter = Some(share);
        self
    }

    /// Sets the time limit of one attempt.
    #[must_use = "returns the changed policy; the original is untouched"]
    pub const fn timeout(mut self, limit: Duration) -> Self {
        self.timeout = Some(limit);
        self
    }

    /// Sets whether a panic is retried.
    #[must_use = "returns the changed policy; the original is untouched"]
    pub const fn retry_panics(mut self, retry: bool) -> Self {
        self.retry_panics = Some(retry);
        self
    }

    /// Sets which outcomes of the inputs let the task run.
    #[must_use = "returns the changed policy; the original is untouched"]
    pub const fn trigger(mut self, trigger: Trigger) -> Self {
        self.trigger = Some(trigger);
        self
    }

    /// Sets how long a cached result may be reused.
    #[must_use = "returns the changed policy; the original is untouched"]
    pub const fn cache_ttl(mut self, ttl: Duration) -> Self {
        self.cache_ttl = Some(ttl);
        self
    }

    /// Sets whether the flow fails when the task fails.
    #[must_use = "returns the changed policy; the original is untouched"]
    pub const fn critical(mut self, critical: bool) -> Self {
        self.critical = Some(critical);
        self
    }

    /// Sets who gets the slots of a limit first, among those that wait for it: the higher one.
    #[must_use = "returns the changed policy; the original is untouched"]
    pub const fn priority(mut self, priority: i16) -> Self {
        self.priority = Some(priority);
        self
    }

    /// Returns this policy with the options that it does not set taken from a `weaker` level, field by field.
    ///
    /// A level that sets `retry_delay` sets the whole wait: `backoff`, `max_retry_delay` and `jitter` of weaker levels do not
    /// apply then, since they were chosen for another delay. A level that sets only one of these three changes just that one.
    ///
    /// ```
    /// # use flowkit::policy::{TaskPolicy, retry::Backoff};
    /// # use std::time::Duration;
    /// let attribute = TaskPolicy::EMPTY.retries(3).retry_delay(Duration::from_secs(1)).backoff(Backoff::Exponential);
    /// let call = TaskPolicy::EMPTY.retry_delay(Duration::from_secs(60));
    /// let both = call.or(&attribute);
    /// assert_eq!(both.retries, Some(3));
    /// assert_eq!(both.backoff, None);      // a minute, three times; not 1, 2 and 4 minutes
    /// ```
    #[must_use = "returns the changed policy; the original is untouched"]
    pub fn or(&self, weaker: &Self) -> Self {
        let wait = if self.retry_delay.is_some() { &EMPTY } else { weaker };
        Self {
            retries: self.retries.or(weaker.retries),
            retry_delay: self.retry_delay.as_ref().or(wait.retry_delay.as_ref()).cloned(),
            backoff: self.backoff.or(wait.backoff),
            max_retry_delay: self.max_retry_delay.or(wait.max_retry_delay),
            jitter: self.jitter.or(wait.jitter),
            timeout: self.timeout.or(weaker.timeout),
            retry_panics: self.retry_panics.or(weaker.retry_panics),
            trigger: self.trigger.or(weaker.trigger),
            cache_ttl: self.cache_ttl.or(weaker.cache_ttl),
            critical: self.critical.or(weaker.critical),
            priority: self.priority.or(weaker.priority),
        }
    }

    /// Returns the retry policy, with the default of each option that is not set.
    ///
    /// The default limit of a wait only stops growth: it never shortens a delay that was set explicitly.
    #[must_use]
    pub fn retry_policy(&self) -> RetryPolicy {
        let built_in = RetryPolicy::NONE;
        let delays = self.retry_delay.clone().unwrap_or(built_in.delays);
        let longest = delays.iter().copied().max().unwrap_or_default();
        RetryPolicy {
            retries: self.retries.unwrap_or(built_in.retries),
            backoff: self.backoff.unwrap_or(built_in.backoff),
            max_delay: self.max_retry_delay.unwrap_or(built_in.max_delay.max(longest)),
            jitter: self.jitter.unwrap_or(built_in.jitter),
            retry_panics: self.retry_panics.unwrap_or(built_in.retry_panics),
            delays,
        }
    }
}

#[cfg(test)]
mod tests;
