//! Which options can be combined. Reads nothing, only compares.

use super::args::AttributeArg;
use super::keys::Key;
use super::{Attempts, CacheValue, Persist, Spanned, TaskOptions};
use crate::errors::Errors;

/// Checks the options for retries.
pub(super) fn attempts(attempts: &Attempts, args: &[AttributeArg], errors: &mut Errors) {
    for key in ["backoff", "max_retry_delay", "jitter"] {
        needs(key, "retry_delay", args, errors);
    }
    let Some(delays) = &attempts.retry_delay else {
        return;
    };
    if let Some(Spanned { span, .. }) = attempts.backoff
        && delays.value.len() > 1
    {
        let message = "`backoff` cannot be combined with a list of delays: \
                       the list already sets every delay";
        errors.push_at(span, message);
    }
    if let Some(longest) = &attempts.max_retry_delay
        && delays.value.first().is_some_and(|first| longest.value < *first)
    {
        errors.push_at(longest.span, "`max_retry_delay` is shorter than the first `retry_delay`");
    }
}

/// Checks the options for reusing a result.
pub(super) fn cache(options: &TaskOptions, args: &[AttributeArg], errors: &mut Errors) {
    needs("cache_ttl", "cache", args, errors);
    if let (Some(cache), Some(ttl)) = (&options.cache, &options.cache_ttl)
        && matches!(cache.value, CacheValue::None)
    {
        let message = "`cache_ttl` limits how long a result is cached, \
                       but `cache = \"none\"` caches nothing; remove one of them";
        errors.push_at(ttl.span, message);
    }
    if let (Some(cache), Some(Spanned { value: Persist::Never, span })) = (&options.cache, &options.persist)
        && !matches!(cache.value, CacheValue::None)
    {
        let message = "`cache` stores the result for later calls, \
                       but `persist = \"never\"` forbids that; remove one of them";
        errors.push_at(*span, message);
    }
}

/// Checks for options that contradict `at_most_once`.
pub(super) fn at_most_once(options: &TaskOptions, errors: &mut Errors) {
    if !options.is_at_most_once() {
        return;
    }
    if let Some(retries) = options.attempts.retries.as_ref().filter(|retries| retries.value > 0) {
        let message = "`retries` would repeat an attempt that timed out or panicked, although it may have done its \
                       work; remove `retries` or `at_most_once`";
        errors.push_at(retries.span, message);
    }
    if let Some(Spanned { value: Persist::Never, span }) = options.persist {
        let message = "a task that may run at most once must persist its result, since it cannot compute it again; \
                       remove `persist` or `at_most_once`";
        errors.push_at(span, message);
    }
}

/// Reports `key` if it is present without `needed`, whether its value is good or bad.
fn needs(key: &str, needed: &str, args: &[AttributeArg], errors: &mut Errors) {
    let find = |name: &str| args.iter().find(|arg| arg.key.name == name);
    if let (Some(arg), None) = (find(key), find(needed)) {
        let example = Key::example(needed);
        errors.push_at(arg.span, format!("`{key}` needs `{needed}`, such as `{example}`"));
    }
}
