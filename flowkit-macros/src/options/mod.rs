//! Reads the options of each attribute into typed values.
//!
//! ```text
//! tokens ── args ──▶ Arg { key, value } ── values, policies ──▶ TaskOptions, … ── checks ──▶
//!            ▲ keys (the table)
//! ```

mod args;
mod checks;
mod identity;
mod keys;
mod policies;
mod template;
#[cfg(test)]
mod tests;
mod values;

use std::time::Duration;

use proc_macro2::TokenStream;
use syn::{Expr, Path};

pub(crate) use self::args::Spanned;
pub(crate) use self::identity::IdentityOptions;
pub(crate) use self::policies::{
    BackoffValue, CacheValue, DurabilityValue, LimitValue, Persist, TriggerValue,
};
pub(crate) use self::template::{Part, Placeholder, Template};

use self::args::{AttributeArg, Value};
use self::values::Read;
use crate::attribute::AttributeKind;
use crate::errors::Errors;

/// The options of `#[task]`.
#[derive(Default)]
pub(crate) struct TaskOptions {
    pub label: Label,
    pub attempts: Attempts,
    pub hooks: Hooks,
    pub identity: IdentityOptions,
    /// A closure or a path.
    pub retry_if: Option<Spanned<Expr>>,
    pub cache: Option<Spanned<CacheValue>>,
    /// More than zero.
    pub cache_ttl: Option<Spanned<Duration>>,
    pub persist: Option<Spanned<Persist>>,
    pub at_most_once: Option<Spanned<bool>>,
    /// At least one.
    pub concurrency: Option<Spanned<Vec<LimitValue>>>,
    pub priority: Option<Spanned<i16>>,
    pub trigger: Option<Spanned<TriggerValue>>,
    /// Where the generated code finds flowkit.
    pub crate_path: Option<Spanned<Path>>,
}

/// The options of `#[flow]`.
#[derive(Default)]
pub(crate) struct FlowOptions {
    pub label: Label,
    /// Only `retries`, `retry_delay`, `timeout` and `critical`.
    pub attempts: Attempts,
    pub hooks: Hooks,
    pub identity: IdentityOptions,
    /// At least 1.
    pub max_concurrency: Option<Spanned<u32>>,
    pub task_defaults: Option<Spanned<Attempts>>,
    pub fail_on_any_task: Option<Spanned<bool>>,
    pub persist: Option<Spanned<Persist>>,
    pub durability: Option<Spanned<DurabilityValue>>,
    pub crate_path: Option<Spanned<Path>>,
}

/// The options of `#[flowkit::test]`.
#[derive(Default)]
pub(crate) struct TestOptions {
    pub seed: Option<Spanned<u64>>,
    pub crate_path: Option<Spanned<Path>>,
}

/// The name and the description of a flow or task, and whether its prints are logged.
#[derive(Default)]
pub(crate) struct Label {
    pub name: Option<Spanned<String>>,
    pub description: Option<Spanned<String>>,
    pub version: Option<Spanned<String>>,
    /// At least one.
    pub tags: Option<Spanned<Vec<String>>>,
    /// Of flows only.
    pub owner: Option<Spanned<String>>,
    pub run_name: Option<Spanned<Template>>,
    /// Whether its prints go to the log.
    pub log_prints: Option<Spanned<bool>>,
}

/// How often and for how long it is attempted, and what its failure means.
#[derive(Default)]
pub(crate) struct Attempts {
    /// 0 to 1000.
    pub retries: Option<Spanned<u32>>,
    /// 1 to 50.
    pub retry_delay: Option<Spanned<Vec<Duration>>>,
    pub backoff: Option<Spanned<BackoffValue>>,
    pub max_retry_delay: Option<Spanned<Duration>>,
    /// 0.0 to 1.0.
    pub jitter: Option<Spanned<f64>>,
    /// More than zero.
    pub timeout: Option<Spanned<Duration>>,
    /// Whether the flow fails with it.
    pub critical: Option<Spanned<bool>>,
}

/// What to call, or to await, on changes of state; each one or more closures or paths.
#[derive(Default)]
pub(crate) struct Hooks {
    pub on_running: Option<Spanned<Vec<Expr>>>,
    pub on_success: Option<Spanned<Vec<Expr>>>,
    pub on_failure: Option<Spanned<Vec<Expr>>>,
    pub on_retry: Option<Spanned<Vec<Expr>>>,
    pub on_cancel: Option<Spanned<Vec<Expr>>>,
}

/// Options that are read one argument at a time.
pub(crate) trait Options: Default {
    /// Stores the option and returns true if it is one of these.
    fn take(&mut self, arg: &AttributeArg, errors: &mut Errors) -> bool;

    /// Reports options that cannot be combined.
    fn check(&self, _args: &[AttributeArg], _errors: &mut Errors) {}

    /// Reads all arguments, reporting every mistake.
    fn parse(tokens: TokenStream, kind: AttributeKind, errors: &mut Errors) -> Self {
        let mut options = Self::default();
        let args = args::parse(tokens, kind, errors);
        for arg in &args {
            if !options.take(arg, errors) {
                errors.push_at(arg.span, format!("bug in flowkit: option `{}` is never read", arg.key.name));
            }
        }
        options.check(&args, errors);
        options
    }
}

impl Options for TaskOptions {
    fn take(&mut self, arg: &AttributeArg, errors: &mut Errors) -> bool {
        match arg.key.name {
            "retry_if" => set(&mut self.retry_if, arg, values::callable, errors),
            "cache" => set(&mut self.cache, arg, policies::cache, errors),
            "cache_ttl" => set(&mut self.cache_ttl, arg, values::time_span, errors),
            "persist" => set(&mut self.persist, arg, policies::persist, errors),
            "at_most_once" => set_switch(&mut self.at_most_once, arg, errors),
            "concurrency" => set(&mut self.concurrency, arg, policies::limits, errors),
            "priority" => set(&mut self.priority, arg, values::signed, errors),
            "trigger" => set(&mut self.trigger, arg, policies::trigger, errors),
            "crate" => set(&mut self.crate_path, arg, values::path, errors),
            _ => {
                self.label.take(arg, errors)
                    || self.attempts.take(arg, errors)
                    || self.hooks.take(arg, errors)
                    || self.identity.take(arg, errors)
            }
        }
    }

    fn check(&self, args: &[AttributeArg], errors: &mut Errors) {
        self.identity.check(args, errors);
        checks::attempts(&self.attempts, args, errors);
        checks::cache(self, args, errors);
        checks::at_most_once(self, errors);
    }
}

impl TaskOptions {
    pub(crate) fn is_at_most_once(&self) -> bool {
        self.at_most_once.as_ref().is_some_and(|once| once.value)
    }

    /// A task that may run at most once cannot compute its result again.
    pub(crate) fn persist_mode(&self) -> Persist {
        if self.is_at_most_once() { Persist::Always } else { mode_of(self.persist.as_ref()) }
    }
}

impl FlowOptions {
    pub(crate) fn persist_mode(&self) -> Persist {
        mode_of(self.persist.as_ref())
    }
}

fn mode_of(persist: Option<&Spanned<Persist>>) -> Persist {
    persist.map_or(Persist::Auto, |persist| persist.value)
}

impl Options for FlowOptions {
    fn take(&mut self, arg: &AttributeArg, errors: &mut Errors) -> bool {
        match (arg.key.name, &arg.value) {
            ("max_concurrency", _) => set(&mut self.max_concurrency, arg, values::count, errors),
            ("task_defaults", Value::List(tokens)) => {
                let value = Attempts::parse(tokens.clone(), AttributeKind::TaskDefaults, errors);
                self.task_defaults = Some(Spanned { value, span: arg.span });
                true
            }
            ("task_defaults", _) => {
                errors.push_at(arg.span, arg.key.takes());
                true
            }
            ("fail_on_any_task", _) => set_switch(&mut self.fail_on_any_task, arg, errors),
            ("persist", _) => set(&mut self.persist, arg, policies::persist, errors),
            ("durability", _) => set(&mut self.durability, arg, policies::durability, errors),
            ("crate", _) => set(&mut self.crate_path, arg, values::path, errors),
            _ => {
                self.label.take(arg, errors)
                    || self.attempts.take(arg, errors)
                    || self.hooks.take(arg, errors)
                    || self.identity.take(arg, errors)
            }
        }
    }

    fn check(&self, args: &[AttributeArg], errors: &mut Errors) {
        self.identity.check(args, errors);
    }
}

impl Options for TestOptions {
    fn take(&mut self, arg: &AttributeArg, errors: &mut Errors) -> bool {
        match arg.key.name {
            "seed" => set(&mut self.seed, arg, values::integer, errors),
            "crate" => set(&mut self.crate_path, arg, values::path, errors),
            _ => false,
        }
    }
}

impl Options for Label {
    fn take(&mut self, arg: &AttributeArg, errors: &mut Errors) -> bool {
        match arg.key.name {
            "name" => set(&mut self.name, arg, values::name, errors),
            "description" => set(&mut self.description, arg, values::text, errors),
            "version" => set(&mut self.version, arg, values::version, errors),
            "tags" => set(&mut self.tags, arg, values::names, errors),
            "owner" => set(&mut self.owner, arg, values::name, errors),
            "run_name" => set(&mut self.run_name, arg, values::template, errors),
            "log_prints" => set_switch(&mut self.log_prints, arg, errors),
            _ => false,
        }
    }
}

impl Options for Attempts {
    fn take(&mut self, arg: &AttributeArg, errors: &mut Errors) -> bool {
        match arg.key.name {
            "retries" => set(&mut self.retries, arg, values::retries, errors),
            "retry_delay" => set(&mut self.retry_delay, arg, values::delays, errors),
            "backoff" => set(&mut self.backoff, arg, policies::backoff, errors),
            "max_retry_delay" => set(&mut self.max_retry_delay, arg, values::delay, errors),
            "jitter" => set(&mut self.jitter, arg, values::fraction, errors),
            "timeout" => set(&mut self.timeout, arg, values::time_span, errors),
            "critical" => set_switch(&mut self.critical, arg, errors),
            _ => false,
        }
    }

    fn check(&self, args: &[AttributeArg], errors: &mut Errors) {
        checks::attempts(self, args, errors);
    }
}

impl Options for Hooks {
    fn take(&mut self, arg: &AttributeArg, errors: &mut Errors) -> bool {
        let slot = match arg.key.name {
            "on_running" => &mut self.on_running,
            "on_success" => &mut self.on_success,
            "on_failure" => &mut self.on_failure,
            "on_retry" => &mut self.on_retry,
            "on_cancel" => &mut self.on_cancel,
            _ => return false,
        };
        set(slot, arg, values::callables, errors)
    }
}

/// Reads a value into its slot; returns true, as [`Options::take`] does.
fn set<T>(slot: &mut Option<Spanned<T>>, arg: &AttributeArg, read: Read<T>, errors: &mut Errors) -> bool {
    match &arg.value {
        Value::Expr(value) => {
            let value = errors.take(read(arg.key, value));
            *slot = value.map(|value| Spanned { value, span: arg.span });
        }
        Value::None | Value::List(_) => errors.push_at(arg.span, arg.key.takes()),
        Value::Malformed => {}
    }
    true
}

/// The same for a switch, whose key alone means `true`.
fn set_switch(slot: &mut Option<Spanned<bool>>, arg: &AttributeArg, errors: &mut Errors) -> bool {
    if matches!(arg.value, Value::None) {
        *slot = Some(Spanned { value: true, span: arg.span });
        return true;
    }
    set(slot, arg, values::switch, errors)
}
