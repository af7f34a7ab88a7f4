//! Tests of the parent: which place wins, and what is built in.

use super::*;
use proptest::option::of;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn nothing_said_is_one_attempt() {
    assert_eq!(TaskPolicy::default(), TaskPolicy::EMPTY);
    assert_eq!(TaskPolicy::EMPTY.retry_policy(), RetryPolicy::NONE);
}

#[test]
fn explicit_zero_retries_beat_a_weaker_three() {
    let merged = TaskPolicy::EMPTY.retries(0).or(&TaskPolicy::EMPTY.retries(3));
    assert_eq!(merged.retry_policy().retries, 0);
}

#[test]
fn what_is_left_open_comes_from_the_weaker_place() {
    let strong = TaskPolicy::EMPTY.timeout(SECOND).trigger(Trigger::AllDone);
    let weak = TaskPolicy::EMPTY.timeout(HOUR).cache_ttl(HOUR).retry_panics(true);
    let expected =
        TaskPolicy::EMPTY.timeout(SECOND).trigger(Trigger::AllDone).cache_ttl(HOUR).retry_panics(true);
    assert_eq!(strong.or(&weak), expected);
}

#[test]
fn who_states_the_delay_states_the_whole_wait() {
    let weak = TaskPolicy::EMPTY.retry_delay(HOUR).backoff(Backoff::Linear).max_retry_delay(HOUR).jitter(0.5);
    let strong = TaskPolicy::EMPTY.retry_delay(SECOND);
    assert_eq!(strong.or(&weak), strong);
    let jittered = TaskPolicy::EMPTY.jitter(0.1);
    assert_eq!(jittered.or(&weak), TaskPolicy { jitter: Some(0.1), ..weak });
}

#[test]
fn built_in_limit_stops_growth_but_never_shortens_a_stated_delay() {
    let growing = TaskPolicy::EMPTY.retry_delay(SECOND).backoff(Backoff::Exponential).retry_policy();
    assert_eq!(growing.delay(60, 0.5), HOUR);
    let long = TaskPolicy::EMPTY.retry_delay([SECOND, 2 * HOUR]).retry_policy();
    assert_eq!(long.delay(2, 0.5), 2 * HOUR);
    let limited = TaskPolicy::EMPTY.retry_delay(2 * HOUR).max_retry_delay(SECOND).retry_policy();
    assert_eq!(limited.delay(1, 0.5), SECOND);
}

#[test]
fn policy_is_small_enough_to_copy_per_call() {
    assert!(size_of::<TaskPolicy>() <= 104, "{} bytes", size_of::<TaskPolicy>());
}

fn any_policy() -> impl Strategy<Value = TaskPolicy> {
    let delay = (0_u64..3).prop_map(Duration::from_secs);
    let wait = (of(delay.clone()), of(Just(Backoff::Linear)), of(delay.clone()), of(0.0..1.0));
    let switches = (of(any::<bool>()), of(any::<bool>()), of(any::<i16>()));
    (of(0_u32..3), wait, of(delay.clone()), switches, of(Just(Trigger::Always)), of(delay)).prop_map(
        |(
            retries,
            (retry_delay, backoff, max_retry_delay, jitter),
            timeout,
            (retry_panics, critical, priority),
            trigger,
            cache_ttl,
        )| TaskPolicy {
            retries,
            retry_delay: retry_delay.map(IntoDelays::into_delays),
            backoff,
            max_retry_delay,
            jitter,
            timeout,
            retry_panics,
            trigger,
            cache_ttl,
            critical,
            priority,
        },
    )
}

proptest! {
    #[test]
    fn places_may_be_put_together_in_any_grouping(a in any_policy(), b in any_policy(), c in any_policy()) {
        prop_assert_eq!(a.or(&b).or(&c), a.or(&b.or(&c)));
        prop_assert_eq!(&a.or(&TaskPolicy::EMPTY), &a);
        prop_assert_eq!(&TaskPolicy::EMPTY.or(&a), &a);
    }
}
