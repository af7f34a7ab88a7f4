//! Which options go together. Reads nothing; only compares.

use super::args::AttributeArg;
use super::keys::Key;
use super::{Attempts, CacheValue, Persist, Spanned, TaskOptions};
use crate::errors::Errors;

/// Checks what says how often and when it is tried again.
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
        let message = "`backoff` cannot stand beside a list of delays: \
                       a list already says every delay";
        errors.push_at(span, message);
    }
    if let Some(longest) = &attempts.max_retry_delay
        && delays.value.first().is_some_and(|first| longest.value < *first)
    {
        errors.push_at(longest.span, "`max_retry_delay` is shorter than the first `retry_delay`");
    }
}

/// Checks what says when a result is used again.
pub(super) fn cache(options: &TaskOptions, args: &[AttributeArg], errors: &mut Errors) {
    needs("cache_ttl", "cache", args, errors);
    if let (Some(cache), Some(ttl)) = (&options.cache, &options.cache_ttl)
        && matches!(cache.value, CacheValue::None)
    {
        let message = "`cache_ttl` says how long a result is kept, \
                       but `cache = \"none\"` keeps none; remove one of them";
        errors.push_at(ttl.span, message);
    }
    if let (Some(cache), Some(Spanned { value: Persist::Never, span })) = (&options.cache, &options.persist)
        && !matches!(cache.value, CacheValue::None)
    {
        let message = "`cache` keeps the result for later calls, \
                       but `persist = \"never\"` keeps none; remove one of them";
        errors.push_at(*span, message);
    }
}

/// Checks what contradicts that an attempt is never made again.
pub(super) fn at_most_once(options: &TaskOptions, errors: &mut Errors) {
    if !options.is_at_most_once() {
        return;
    }
    if let Some(retries) = options.attempts.retries.as_ref().filter(|retries| retries.value > 0) {
        let message = "`retries` would make an attempt again that timed out or panicked, and nobody knows what \
                       that one did; remove `retries` or `at_most_once`";
        errors.push_at(retries.span, message);
    }
    if let Some(Spanned { value: Persist::Never, span }) = options.persist {
        let message = "a task that may run only once must keep its result, since it cannot make it again; \
                       remove `persist` or `at_most_once`";
        errors.push_at(span, message);
    }
}

/// Reports `key` where it is written without `needed`, be its value good or bad.
fn needs(key: &str, needed: &str, args: &[AttributeArg], errors: &mut Errors) {
    let written = |name: &str| args.iter().find(|arg| arg.key.name == name);
    if let (Some(arg), None) = (written(key), written(needed)) {
        let example = Key::example(needed);
        errors.push_at(arg.span, format!("`{key}` needs `{needed}`, such as `{example}`"));
    }
}
