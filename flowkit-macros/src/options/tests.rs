//! How options are read, and the message for each mistake.

mod refusals;

use super::keys::{KEYS, Key};
use super::*;
use crate::errors::assert_errors;

fn parse<O: Options>(kind: AttributeKind, source: &str) -> syn::Result<O> {
    let mut errors = Errors::default();
    let options = O::parse(source.parse().unwrap(), kind, &mut errors);
    errors.finish().map(|()| options)
}

fn task(source: &str) -> syn::Result<TaskOptions> {
    parse(AttributeKind::Task, source)
}

fn flow(source: &str) -> syn::Result<FlowOptions> {
    parse(AttributeKind::Flow, source)
}

fn value<T>(slot: Option<Spanned<T>>) -> T {
    slot.unwrap().value
}

#[test]
fn every_example_of_the_table_is_accepted() {
    for kind in [AttributeKind::Task, AttributeKind::Flow, AttributeKind::TaskDefaults, AttributeKind::Test] {
        for key in KEYS.iter().filter(|key| key.is_taken_by(kind)) {
            // What some keys need beside them.
            let needed = match key.name {
                "backoff" | "max_retry_delay" | "jitter" => r#"retry_delay = "1s", "#,
                "cache_ttl" => r#"cache = "run", "#,
                _ => "",
            };
            let source = format!("{needed}{}", Key::example(key.name));
            let result = match kind {
                AttributeKind::Task => task(&source).err(),
                AttributeKind::Flow => flow(&source).err(),
                AttributeKind::TaskDefaults => parse::<Attempts>(kind, &source).err(),
                AttributeKind::Test => parse::<TestOptions>(kind, &source).err(),
            };
            assert!(result.is_none(), "{kind}: {source}: {result:?}");
        }
    }
}

#[test]
fn every_key_is_documented_and_used_in_an_example() {
    let pages = [
        (AttributeKind::Task, include_str!("../docs/task.md")),
        (AttributeKind::Flow, include_str!("../docs/flow.md")),
        (AttributeKind::Test, include_str!("../docs/test.md")),
    ];
    for (kind, page) in pages {
        let (table, rest): (Vec<_>, Vec<_>) = page.lines().partition(|line| line.starts_with('|'));
        for key in KEYS.iter().filter(|key| key.is_taken_by(kind)) {
            let name = key.name;
            assert!(
                table.iter().any(|line| line.contains(&format!("`{name}`"))),
                "{kind}: `{name}` is in no table"
            );
            let uses = [format!("{name} = "), format!("{name}("), format!("({name},"), format!(" {name},")];
            let is_used = rest.iter().any(|line| uses.iter().any(|written| line.contains(written)));
            assert!(is_used, "{kind}: `{name}` is in no example");
        }
    }
}

#[test]
fn values_are_read() {
    let options = task(
        r#"name = "Fetch", tags = ["a", "b"], description = "d", version = 2, retries = 1_000,
           retry_delay = ["1s", "1m"], jitter = 0.5, retry_if = |e: &Error<A, B>| e.a(),
           timeout = "30s", cache = "inputs", cache_ttl = "1h", concurrency = ["gpu:2", "cpu"], priority = -3,
           trigger = "none_failed_min_one_success", on_failure = [notify, |run| a(run, 1)],
           run_name = "fetch-{url}", persist = "always", at_most_once = false,"#,
    )
    .unwrap();
    assert_eq!(value(options.label.name), "Fetch");
    assert_eq!(value(options.label.tags), ["a", "b"]);
    assert_eq!(value(options.label.version), "2");
    assert_eq!(value(options.label.run_name).parts.len(), 2);
    assert_eq!(value(options.attempts.retries), 1_000);
    let delays = [Duration::from_secs(1), Duration::from_secs(60)];
    assert_eq!(value(options.attempts.retry_delay), delays);
    assert_eq!(value(options.attempts.jitter), 0.5);
    assert_eq!(value(options.attempts.timeout), Duration::from_secs(30));
    assert!(matches!(value(options.retry_if), Expr::Closure(_)));
    assert!(matches!(value(options.cache), CacheValue::Inputs));
    let limit = |name: &str, weight| LimitValue { name: name.to_owned(), weight };
    assert_eq!(value(options.concurrency), [limit("gpu", 2), limit("cpu", 1)]);
    assert_eq!(value(options.priority), -3);
    assert_eq!(value(options.trigger), TriggerValue::NoneFailedMinOneSuccess);
    assert_eq!(value(options.hooks.on_failure).len(), 2);
    assert!(options.hooks.on_success.is_none());
    assert_eq!(value(options.persist), Persist::Always);
    assert!(!value(options.at_most_once));
    assert!(value(task("at_most_once").unwrap().at_most_once));
}

#[test]
fn flow_options_are_read() {
    let defaults = r#"task_defaults(retries = 2, retry_delay = "1s", backoff = "linear")"#;
    let kept = r#"persist = "never", durability = "memory", owner = "ml-team""#;
    let options = flow(&format!("fail_on_any_task, max_concurrency = 8, {kept}, {defaults}")).unwrap();
    assert_eq!(value(options.persist), Persist::Never);
    assert_eq!(value(options.durability), DurabilityValue::Memory);
    assert_eq!(value(options.label.owner), "ml-team");
    assert!(value(options.fail_on_any_task));
    assert_eq!(value(options.max_concurrency), 8);
    let defaults = value(options.task_defaults);
    assert_eq!(value(defaults.retries), 2);
    assert_eq!(value(defaults.backoff), BackoffValue::Linear);
    assert!(!value(flow("fail_on_any_task = false").unwrap().fail_on_any_task));
    assert_eq!(value(parse::<TestOptions>(AttributeKind::Test, "seed = 7").unwrap().seed), 7);
}

#[test]
fn one_compile_reports_every_mistake() {
    let taken = "`#[task]` takes `name`, `description`, `version`, `tags`, `retries`, \
                 `retry_delay`, `backoff`, `max_retry_delay`, `jitter`, `retry_if`, `timeout`, \
                 `critical`, `cache`, `cache_ttl`, `persist`, `at_most_once`, `ignore`, `key`, `concurrency`, `priority`, `trigger`, `run_name`, `log_prints`, `on_running`, \
                 `on_success`, `on_failure`, `on_retry`, `on_cancel` and `crate`";
    assert_errors(
        task(r#"retry = |a, b| a, timeout = "5 parsecs", timeout = "1s", 7, cache_ttl = 60"#),
        &[
            (&format!("unknown option `retry`; did you mean `retries`?\n{taken}"), "retry"),
            ("`timeout` is set twice", "timeout"),
            (&format!("expected an option; {taken}"), "7"),
            ("unknown time unit `parsecs`; use `ms`, `s`, `m`, `h` or `d`", "parsecs"),
            ("`cache_ttl` takes a duration with a unit; write `\"60s\"`, not `60`", "60"),
            ("`cache_ttl` needs `cache`, such as `cache = \"inputs\"`", "cache_ttl"),
        ],
    );
}

#[test]
fn a_missing_comma_hides_nothing() {
    let comma = "expected `,` between options";
    let unit = "`1` needs a time unit; use `ms`, `s`, `m`, `h` or `d`";
    assert_errors(task(r#"retries = 3 timeout = "1""#), &[(comma, "timeout"), (unit, "1")]);
    assert_errors(task(r#"retries = 3 3, timeout = "1""#), &[(comma, "3"), (unit, "1")]);
    assert_errors(flow("fail_on_any_task retries = 3"), &[(comma, "retries")]);
}

#[test]
fn a_broken_expression_keeps_the_message_of_the_parser() {
    let unit = "`1` needs a time unit; use `ms`, `s`, `m`, `h` or `d`";
    assert_errors(
        task(r#"retry_if = |e| { e. }, timeout = "1""#),
        &[("unexpected end of input, expected identifier or integer", "}"), (unit, "1")],
    );
}
