//! The one table of option keys: which attributes take each key, and with which value.
//!
//! Every message about a key comes from it. A new key is one line here, a field, and its reader.

use syn::Ident;

use crate::attribute::AttributeKind::{self, Flow, Task, TaskDefaults, Test};
use crate::errors::{did_you_mean, list};

impl AttributeKind {
    /// Says which keys it takes.
    pub(crate) fn takes(self) -> String {
        format!("{self} takes {}", list(self.keys(), "and"))
    }

    fn keys(self) -> impl Iterator<Item = &'static str> {
        KEYS.iter().filter(move |key| key.is_taken_by(self)).map(|key| key.name)
    }
}

/// An option key.
pub(crate) struct Key {
    pub name: &'static str,
    attributes: &'static [AttributeKind],
    /// The form of its value: `a whole number`.
    takes: &'static str,
    /// The key with a value, as users would write it.
    example: &'static str,
    /// Why it cannot be used, if it cannot.
    refused: Option<&'static str>,
}

const BOTH: &[AttributeKind] = &[Task, Flow];
const EVERYWHERE: &[AttributeKind] = &[Task, Flow, TaskDefaults];
const ATTRIBUTES: &[AttributeKind] = &[Task, Flow, Test];
const DELAYS: &[AttributeKind] = &[Task, TaskDefaults];
const SWITCH: &str = "no value, `true` or `false`";
const HOOK: &str = "a closure, a function or a list of them";

/// All keys, in the order in which messages list them.
#[rustfmt::skip] // A table reads by its lines: one for each key.
pub(super) const KEYS: &[Key] = &[
    key("name", BOTH, "a name", r#"name = "Word count""#),
    key("description", BOTH, "a string", r#"description = "Counts words""#),
    key("version", BOTH, "a string or a whole number", "version = 2"),
    key("tags", BOTH, "a tag or a list of tags", r#"tags = ["etl", "daily"]"#),
    key("owner", &[Flow], "a name", r#"owner = "ml-team""#),
    key("retries", EVERYWHERE, "a whole number", "retries = 3"),
    key("retry_delay", EVERYWHERE, "a duration or a list of durations", r#"retry_delay = "1s""#),
    key("backoff", DELAYS, "a kind of backoff", r#"backoff = "exponential""#),
    key("max_retry_delay", DELAYS, "a duration", r#"max_retry_delay = "1m""#),
    key("jitter", DELAYS, "a number from 0 to 1", "jitter = 0.5"),
    key("retry_if", &[Task], "a closure or a function", "retry_if = |error| error.is_transient()"),
    key("timeout", EVERYWHERE, "a duration", r#"timeout = "30s""#),
    key("critical", EVERYWHERE, SWITCH, "critical = true"),
    key("cache", &[Task], CACHE, r#"cache = "inputs""#),
    key("cache_ttl", &[Task], "a duration", r#"cache_ttl = "1h""#),
    key("persist", BOTH, r#""auto", "always" or "never""#, r#"persist = "always""#),
    key("at_most_once", &[Task], SWITCH, "at_most_once = true"),
    key("ignore", BOTH, "parameters in parentheses", "ignore(client)"),
    key("key", BOTH, "a closure or a function", "key = |page, n| (page.id, *n)"),
    key("concurrency", &[Task], "a limit or a list of limits", r#"concurrency = "gpu:2""#),
    key("priority", &[Task], "a whole number", "priority = 10"),
    key("trigger", &[Task], "a trigger rule", r#"trigger = "all_done""#),
    key("max_concurrency", &[Flow], "a whole number", "max_concurrency = 8"),
    key("task_defaults", &[Flow], "options in parentheses", "task_defaults(retries = 3)"),
    key("fail_on_any_task", &[Flow], SWITCH, "fail_on_any_task = true"),
    key("durability", &[Flow], r#""full", "relaxed" or "memory""#, r#"durability = "relaxed""#),
    key("run_name", BOTH, "a string with parameters in braces", r#"run_name = "etl-{date}""#),
    key("log_prints", BOTH, SWITCH, "log_prints = false"),
    key("on_running", BOTH, HOOK, "on_running = notify"),
    key("on_success", BOTH, HOOK, "on_success = notify"),
    key("on_failure", BOTH, HOOK, "on_failure = notify"),
    key("on_retry", BOTH, HOOK, "on_retry = notify"),
    key("on_cancel", BOTH, HOOK, "on_cancel = notify"),
    key("crate", ATTRIBUTES, "a path", "crate = my_prelude::flowkit"),
    key("seed", &[Test], "a whole number", "seed = 7"),
    refused("resources", &[Task], "is not available yet; `concurrency = \"gpu:2\"` takes two slots of a limit"),
    refused("queue_timeout", &[Task], "is not available yet; `timeout` limits an attempt, without its wait for slots"),
    refused("rollback", &[Task], "is not available yet; undo what was done in `on_failure`, or in a task with `trigger = \"one_failed\"`"),
    refused("on", &[Task], ELSEWHERE),
    refused("image", &[Task], ELSEWHERE),
    refused("node_selector", &[Task], ELSEWHERE),
    refused("ensure", &[Task], "is not an option; call `flowkit::ensure(…)?` in the body of the task"),
    refused("cron", &[Flow], WITH_SCHEDULER),
    refused("every", &[Flow], WITH_SCHEDULER),
    refused("schedule", &[Flow], WITH_SCHEDULER),
];

const ELSEWHERE: &str = "is not available yet: tasks run in the process of their flow";
const WITH_SCHEDULER: &str = "is not available yet; start the program from cron or a systemd timer";
const CACHE: &str = r#""inputs", "run", "none", or a closure or function giving a key"#;

const fn key(
    name: &'static str,
    attributes: &'static [AttributeKind],
    takes: &'static str,
    example: &'static str,
) -> Key {
    Key { name, attributes, takes, example, refused: None }
}

const fn refused(name: &'static str, attributes: &'static [AttributeKind], why: &'static str) -> Key {
    Key { name, attributes, takes: "", example: "", refused: Some(why) }
}

impl Key {
    /// Finds a key of the attribute, or says why the word is not one.
    pub(crate) fn find(word: &Ident, kind: AttributeKind) -> syn::Result<&'static Self> {
        let name = word.to_string();
        let found = KEYS.iter().find(|key| key.name == name);
        let message = match found {
            Some(Self { refused: Some(why), .. }) => format!("`{name}` {why}"),
            Some(key) if key.attributes.contains(&kind) => return Ok(key),
            Some(key) => {
                let attributes = list(key.attributes.iter().map(|kind| kind.name()), "and");
                format!("`{name}` is an option of {attributes}, not of {kind}")
            }
            None => {
                let near = did_you_mean(&name, kind.keys());
                // The list is long, so it comes last, on its own line if a guess precedes it.
                let separator = if near.is_empty() { "; " } else { "\n" };
                format!("unknown option `{name}`{near}{separator}{}", kind.takes())
            }
        };
        Err(syn::Error::new(word.span(), message))
    }

    /// Returns the key with a value, as users would write it.
    pub(crate) fn example(name: &str) -> &'static str {
        KEYS.iter().find(|key| key.name == name).map_or("", |key| key.example)
    }

    /// Says what the key takes, for a value of the wrong kind.
    pub(crate) fn takes(&self) -> String {
        format!("`{}` takes {}, such as `{}`", self.name, self.takes, self.example)
    }

    pub(super) fn is_taken_by(&self, kind: AttributeKind) -> bool {
        self.refused.is_none() && self.attributes.contains(&kind)
    }
}
