//! Tests of the parent: the formulas, their edges, and the decision table.

use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const ERRORED: Outcome = Outcome::Errored { fatal: false, retryable: true };

fn policy(delays: &'static [Duration], backoff: Backoff, max_delay: Duration) -> RetryPolicy {
    RetryPolicy { retries: 10, delays: delays.into(), backoff, max_delay, ..RetryPolicy::NONE }
}

fn waits(policy: &RetryPolicy) -> Vec<u64> {
    (1..=6).map(|retry| policy.delay(retry, 0.9).as_secs()).collect()
}

#[test]
fn fixed_waits_are_equal() {
    assert_eq!(waits(&policy(&[SECOND], Backoff::Fixed, Duration::MAX)), [1, 1, 1, 1, 1, 1]);
}

#[test]
fn linear_waits_grow_by_the_delay_until_the_maximum() {
    let max = Duration::from_secs(4);
    assert_eq!(waits(&policy(&[SECOND], Backoff::Linear, max)), [1, 2, 3, 4, 4, 4]);
}

#[test]
fn exponential_waits_double_until_the_maximum() {
    let max = Duration::from_secs(10);
    assert_eq!(waits(&policy(&[SECOND], Backoff::Exponential, max)), [1, 2, 4, 8, 10, 10]);
}

#[test]
fn last_delay_of_a_list_repeats_whatever_the_backoff() {
    const LIST: &[Duration] = &[SECOND, Duration::from_secs(3), Duration::from_secs(2)];
    for backoff in [Backoff::Fixed, Backoff::Linear, Backoff::Exponential] {
        assert_eq!(waits(&policy(LIST, backoff, Duration::MAX)), [1, 3, 2, 2, 2, 2]);
    }
    assert_eq!(waits(&policy(LIST, Backoff::Fixed, Duration::from_secs(2))), [1, 2, 2, 2, 2, 2]);
}

#[test]
fn no_delay_stays_exactly_zero() {
    for delays in [&[][..], &[Duration::ZERO], &[Duration::ZERO, Duration::ZERO]] {
        for backoff in [Backoff::Fixed, Backoff::Linear, Backoff::Exponential] {
            let policy = RetryPolicy { jitter: 1.0, ..policy(delays, backoff, Duration::MAX) };
            for retry in [0, 1, 2, 33, u32::MAX] {
                assert_eq!(policy.delay(retry, 0.99), Duration::ZERO);
            }
        }
    }
}

#[test]
fn waits_saturate_instead_of_panicking() {
    let growing = policy(&[Duration::MAX], Backoff::Exponential, Duration::MAX);
    assert_eq!(growing.delay(u32::MAX, 0.5), Duration::MAX);
    assert_eq!(Backoff::Linear.wait(Duration::MAX, 2), Duration::MAX);
    assert_eq!(Backoff::Exponential.wait(Duration::from_nanos(1), u32::MAX), Duration::MAX);
    let jittered = RetryPolicy { jitter: 1.0, ..growing };
    assert_eq!(jittered.delay(u32::MAX, 1.0), Duration::MAX);
}

#[test]
fn exponential_is_exact_beyond_thirty_two_doublings() {
    let wait = Backoff::Exponential.wait(Duration::from_nanos(1), 41);
    assert_eq!(wait, Duration::from_nanos(1 << 40));
}

#[test]
fn retry_zero_is_read_as_the_first() {
    for backoff in [Backoff::Fixed, Backoff::Linear, Backoff::Exponential] {
        assert_eq!(backoff.wait(SECOND, 0), SECOND);
    }
}

#[test]
fn jitter_reaches_both_ends_of_its_band_and_leaves_the_mean() {
    let ten = Duration::from_secs(10);
    let table = [
        (0.0, 0.0, 10.0),
        (0.2, 0.0, 8.0),
        (0.2, 0.5, 10.0),
        (0.2, 1.0, 12.0),
        (1.0, 0.0, 0.0),
        (1.0, 1.0, 20.0),
    ];
    for (jitter, draw, seconds) in table {
        assert_eq!(spread(ten, jitter, draw), Duration::from_secs_f64(seconds), "{jitter} {draw}");
    }
}

#[test]
fn jitter_is_applied_after_the_maximum() {
    let capped =
        RetryPolicy { jitter: 0.5, ..policy(&[SECOND], Backoff::Exponential, Duration::from_secs(4)) };
    assert_eq!(capped.delay(9, 1.0), Duration::from_secs(6));
    assert_eq!(capped.delay(9, 0.0), Duration::from_secs(2));
}

#[test]
fn odd_jitter_and_draw_are_clamped() {
    let double = 2 * SECOND;
    assert_eq!(spread(SECOND, f64::NAN, 1.0), SECOND);
    assert_eq!(spread(SECOND, -3.0, 1.0), SECOND);
    assert_eq!(spread(SECOND, f64::NEG_INFINITY, 1.0), SECOND);
    assert_eq!(spread(SECOND, f64::INFINITY, 1.0), double);
    assert_eq!(spread(SECOND, 1.0, f64::NAN), SECOND);
    assert_eq!(spread(SECOND, 1.0, f64::INFINITY), double);
    assert_eq!(spread(SECOND, 1.0, -7.0), Duration::ZERO);
}

#[test]
fn n_retries_are_at_most_n_plus_one_attempts() {
    for retries in 0..5 {
        let policy = RetryPolicy { retries, ..RetryPolicy::NONE };
        let retried = (1..10)
            .take_while(|&attempt| matches!(policy.verdict(attempt, ERRORED, 0.5), Verdict::Retry { .. }));
        assert_eq!(retried.count() + 1, retries as usize + 1);
    }
    assert_eq!(RetryPolicy::NONE.verdict(0, ERRORED, 0.5), Verdict::GiveUp { reason: GiveUp::Exhausted });
}

#[test]
fn every_outcome_has_its_verdict() {
    let retry = Verdict::Retry { delay: SECOND };
    let give_up = |reason| Verdict::GiveUp { reason };
    let fatal = Outcome::Errored { fatal: true, retryable: true };
    let not_retryable = Outcome::Errored { fatal: false, retryable: false };
    let both = Outcome::Errored { fatal: true, retryable: false };
    // outcome, retry_panics, while retries are left, after the last one
    let table = [
        (ERRORED, false, retry, give_up(GiveUp::Exhausted)),
        (Outcome::TimedOut, false, retry, give_up(GiveUp::Exhausted)),
        (fatal, false, give_up(GiveUp::Fatal), give_up(GiveUp::Fatal)),
        (both, false, give_up(GiveUp::Fatal), give_up(GiveUp::Fatal)),
        (not_retryable, false, give_up(GiveUp::NotRetryable), give_up(GiveUp::NotRetryable)),
        (Outcome::Panicked, false, give_up(GiveUp::Panicked), give_up(GiveUp::Panicked)),
        (Outcome::Panicked, true, retry, give_up(GiveUp::Exhausted)),
        (Outcome::Cancelled, true, give_up(GiveUp::Cancelled), give_up(GiveUp::Cancelled)),
    ];
    for (outcome, retry_panics, early, late) in table {
        let policy =
            RetryPolicy { retries: 2, delays: vec![SECOND].into(), retry_panics, ..RetryPolicy::NONE };
        assert_eq!(policy.verdict(1, outcome, 0.5), early, "{outcome:?}");
        assert_eq!(policy.verdict(3, outcome, 0.5), late, "{outcome:?}");
    }
}

proptest! {
    #[test]
    fn wait_lies_in_its_band(millis in 0_u64..10_000_000, retry in 1_u32..80, jitter in 0.0..=1.0, draw in 0.0..1.0) {
        let mean = RetryPolicy { delays: vec![Duration::from_millis(millis)].into(), backoff: Backoff::Exponential, ..RetryPolicy::NONE };
        let wait = RetryPolicy { jitter, ..mean.clone() }.delay(retry, draw).as_secs_f64();
        let mean = mean.delay(retry, draw).as_secs_f64();
        // A nanosecond for the rounding of `Duration`.
        prop_assert!(wait >= mean * (1.0 - jitter) - 1e-9 && wait <= mean * (1.0 + jitter) + 1e-9);
    }

    #[test]
    fn nothing_panics(seconds: u64, nanos in 0_u32..1_000_000_000, max: u64, retry: u32, jitter: f64, draw: f64) {
        for backoff in [Backoff::Fixed, Backoff::Linear, Backoff::Exponential] {
            let delays = vec![Duration::new(seconds, nanos)].into();
            let policy = RetryPolicy { retries: 1, delays, backoff, max_delay: Duration::new(max, nanos), jitter, retry_panics: true };
            let _ = policy.delay(retry, draw);
            let _ = policy.verdict(retry, Outcome::Panicked, draw);
        }
    }
}
