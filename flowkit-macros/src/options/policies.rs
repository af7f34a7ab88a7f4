//! Reads the options that choose a policy: backoff, trigger, cache, limits, persistence.

use syn::{Expr, ExprPath};

use super::keys::Key;
use super::values::{bare, callable, error, name, one_or_more, string, wrong_kind};
use crate::errors::{did_you_mean, list, within};

/// How the wait grows with each retry.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum BackoffValue {
    Fixed,
    Linear,
    Exponential,
}

/// Which outcomes of its inputs let a task start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum TriggerValue {
    AllSuccess,
    AllFailed,
    AllDone,
    OneSuccess,
    OneFailed,
    OneDone,
    NoneFailed,
    NoneSkipped,
    NoneFailedMinOneSuccess,
    Always,
}

/// When a task reuses an earlier result.
#[derive(Clone)]
pub(crate) enum CacheValue {
    Inputs,
    Run,
    None,
    /// A closure or a path that returns a key.
    Key(Box<Expr>),
}

/// Whether a result outlives the process.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Persist {
    /// If its type can be serialized and deserialized.
    Auto,
    Always,
    Never,
}

/// When a result counts as persisted.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum DurabilityValue {
    Full,
    Relaxed,
    Memory,
}

/// A share of a named concurrency limit.
#[derive(Debug, PartialEq)]
pub(crate) struct LimitValue {
    pub name: String,
    /// At least one.
    pub weight: u32,
}

pub(crate) fn backoff(key: &Key, value: &Expr) -> syn::Result<BackoffValue> {
    use BackoffValue::{Exponential, Fixed, Linear};
    choice(key, value, &[("fixed", Fixed), ("linear", Linear), ("exponential", Exponential)])
}

pub(crate) fn trigger(key: &Key, value: &Expr) -> syn::Result<TriggerValue> {
    let rules = [
        ("all_success", TriggerValue::AllSuccess),
        ("all_failed", TriggerValue::AllFailed),
        ("all_done", TriggerValue::AllDone),
        ("one_success", TriggerValue::OneSuccess),
        ("one_failed", TriggerValue::OneFailed),
        ("one_done", TriggerValue::OneDone),
        ("none_failed", TriggerValue::NoneFailed),
        ("none_skipped", TriggerValue::NoneSkipped),
        ("none_failed_min_one_success", TriggerValue::NoneFailedMinOneSuccess),
        ("always", TriggerValue::Always),
    ];
    choice(key, value, &rules)
}

pub(crate) fn cache(key: &Key, value: &Expr) -> syn::Result<CacheValue> {
    let scopes = [("inputs", CacheValue::Inputs), ("run", CacheValue::Run), ("none", CacheValue::None)];
    // `cache = inputs` without quotes would look like a function of that name.
    let is_scope = |path: &ExprPath| scopes.iter().any(|(name, _)| path.path.is_ident(name));
    match bare(value) {
        Expr::Lit(_) => choice(key, value, &scopes),
        Expr::Path(path) if is_scope(path) => Err(wrong_kind(key, value)),
        _ => callable(key, value).map(|function| CacheValue::Key(Box::new(function))),
    }
}

pub(crate) fn persist(key: &Key, value: &Expr) -> syn::Result<Persist> {
    use Persist::{Always, Auto, Never};
    choice(key, value, &[("auto", Auto), ("always", Always), ("never", Never)])
}

pub(crate) fn durability(key: &Key, value: &Expr) -> syn::Result<DurabilityValue> {
    use DurabilityValue::{Full, Memory, Relaxed};
    choice(key, value, &[("full", Full), ("relaxed", Relaxed), ("memory", Memory)])
}

pub(crate) fn limits(key: &Key, value: &Expr) -> syn::Result<Vec<LimitValue>> {
    let limits = one_or_more(key, value, limit)?;
    for (position, limit) in limits.iter().enumerate() {
        if limits[..position].iter().any(|earlier| earlier.name == limit.name) {
            let name = &limit.name;
            // Two requests for slots of one limit could wait for each other.
            let message = format!("limit `{name}` is named twice; give it a weight: `\"{name}:2\"`");
            return Err(error(value, message));
        }
    }
    Ok(limits)
}

fn limit(key: &Key, value: &Expr) -> syn::Result<LimitValue> {
    let text = name(key, value)?;
    let literal = string(key, value)?;
    let Some((name, weight)) = text.split_once(':') else {
        return Ok(LimitValue { name: text, weight: 1 });
    };
    if name.is_empty() {
        return Err(error(value, "the limit has no name; write one such as `\"gpu:2\"`"));
    }
    match weight.parse() {
        Ok(weight) if weight >= 1 => Ok(LimitValue { name: name.to_owned(), weight }),
        _ => {
            let message = format!("`{weight}` is not a weight; use a whole number of at least 1");
            Err(syn::Error::new(within(literal, name.len() + 1..text.len()), message))
        }
    }
}

fn choice<T: Clone>(key: &Key, value: &Expr, choices: &[(&'static str, T)]) -> syn::Result<T> {
    let literal = string(key, value)?;
    let written = literal.value();
    if let Some((_, chosen)) = choices.iter().find(|(name, _)| *name == written) {
        return Ok(chosen.clone());
    }
    let names = || choices.iter().map(|(name, _)| *name);
    let (allowed, near) = (list(names(), "or"), did_you_mean(&written, names()));
    let separator = if near.is_empty() { "; " } else { "\n" };
    Err(error(value, format!("unknown {} `{written}`{near}{separator}use {allowed}", key.name)))
}
