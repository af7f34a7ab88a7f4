//! What each refused value, place and combination says.

use super::{assert_errors, flow, task};

#[test]
fn an_option_of_another_attribute_or_a_later_release_is_named() {
    let table = [
        ("max_concurrency = 2", "`max_concurrency` is an option of `#[flow]`, not of `#[task]`"),
        ("seed = 2", "`seed` is an option of `#[flowkit::test]`, not of `#[task]`"),
        ("durability = \"full\"", "`durability` is an option of `#[flow]`, not of `#[task]`"),
        (
            "resources(cpu = 2)",
            "`resources` is not available yet; `concurrency = \"gpu:2\"` takes two slots of a limit",
        ),
        (
            "ensure = |x| x > 0",
            "`ensure` is not an option; call `flowkit::ensure(…)?` in the body of the task",
        ),
    ];
    for (source, message) in table {
        let key = source.split([' ', '(']).next().unwrap();
        assert_errors(task(source), &[(message, key)]);
    }
    let table = [
        ("cache = \"run\"", "`cache` is an option of `#[task]`, not of `#[flow]`"),
        ("jitter = 1", "`jitter` is an option of `#[task]` and `task_defaults`, not of `#[flow]`"),
        ("at_most_once", "`at_most_once` is an option of `#[task]`, not of `#[flow]`"),
        ("cron = \"* *\"", "`cron` is not available yet; start the program from cron or a systemd timer"),
        ("every = \"1h\"", "`every` is not available yet; start the program from cron or a systemd timer"),
        ("schedule(a, b)", "`schedule` is not available yet; start the program from cron or a systemd timer"),
    ];
    for (source, message) in table {
        let key = source.split([' ', '(']).next().unwrap();
        assert_errors(flow(source), &[(message, key)]);
    }
    let defaults = "unknown option `x`; `task_defaults` takes `retries`, `retry_delay`, \
                    `backoff`, `max_retry_delay`, `jitter`, `timeout` and `critical`";
    assert_errors(flow("task_defaults(x = 1)"), &[(defaults, "x")]);
}

#[test]
fn calls_are_distinguished_in_one_way() {
    let ignore = "`ignore` takes parameters in parentheses, such as `ignore(client)`";
    for source in ["ignore", "ignore = client", "ignore()", "ignore(\"client\")", "ignore(client.id)"] {
        assert_errors(task(source), &[(ignore, "ignore")]);
        assert_errors(flow(source), &[(ignore, "ignore")]);
    }
    let both = "`key` replaces all arguments, including those that it does not use; remove `ignore`";
    assert_errors(task("ignore(client), key = |_, page| *page"), &[(both, "ignore")]);
    let key = "`key` takes a closure or a function, such as `key = |page, n| (page.id, *n)`";
    assert_errors(task("key = 7"), &[(key, "7")]);
}

#[test]
fn a_value_of_the_wrong_kind_names_the_right_one() {
    let retries = "`retries` takes a whole number, such as `retries = 3`";
    let hook = "`on_retry` takes a closure, a function or a list of them, \
                such as `on_retry = notify`";
    let cache = "`cache` takes \"inputs\", \"run\", \"none\", or a closure or function giving a \
                 key, such as `cache = \"inputs\"`";
    let persist = "`persist` takes \"auto\", \"always\" or \"never\", such as `persist = \"always\"`";
    let once = "`at_most_once` takes no value, `true` or `false`, such as `at_most_once = true`";
    let jitter = "`jitter` takes a number from 0 to 1, such as `jitter = 0.5`";
    let constant = "`timeout` takes a duration, such as `timeout = \"30s\"`; \
                    an attribute cannot read a constant, so write its value";
    let table = [
        ("retries = \"3\"", retries, "\"3\""),
        ("retries = 3.0", retries, "3.0"),
        ("retries = 3u8", retries, "3u8"),
        ("retries", retries, "retries"),
        ("retries(3)", retries, "retries"),
        ("retries: 3", retries, "retries"),
        ("retries = , tags = \"a\"", retries, "retries"),
        ("name = 3", "`name` takes a name, such as `name = \"Word count\"`", "3"),
        ("timeout = f()", "`timeout` takes a duration, such as `timeout = \"30s\"`", "f()"),
        ("timeout = X", constant, "X"),
        (
            "retry_if = async |error| true",
            "`retry_if` takes a closure that cannot wait; remove `async`",
            "async",
        ),
        ("crate = \"a::b\"", "`crate` takes a path, such as `crate = my_prelude::flowkit`", "\"a::b\""),
        ("on_retry = [f, 3]", hook, "3"),
        ("cache = inputs", cache, "inputs"),
        ("persist = true", persist, "true"),
        ("persist", persist, "persist"),
        ("at_most_once = \"yes\"", once, "\"yes\""),
        ("at_most_once(true)", once, "at_most_once"),
    ];
    for (source, message, underlined) in table {
        assert_errors(task(source), &[(message, underlined)]);
    }
    assert_errors(task("retry_delay = \"1s\", jitter = 1.5"), &[(jitter, "1.5")]);
    let defaults = "`task_defaults` takes options in parentheses, \
                    such as `task_defaults(retries = 3)`";
    assert_errors(flow("task_defaults = 3"), &[(defaults, "task_defaults")]);
    let durability =
        "`durability` takes \"full\", \"relaxed\" or \"memory\", such as `durability = \"relaxed\"`";
    assert_errors(flow("durability = 1"), &[(durability, "1")]);
}

#[test]
fn a_value_out_of_range_names_the_range() {
    let triggers = "unknown trigger `all_don`; did you mean `all_done`?\n\
                    use `all_success`, `all_failed`, `all_done`, \
                    `one_success`, `one_failed`, `one_done`, `none_failed`, `none_skipped`, \
                    `none_failed_min_one_success` or `always`";
    let persist = "unknown persist `allways`; did you mean `always`?\nuse `auto`, `always` or `never`";
    let weight = "`0` is not a weight; use a whole number of at least 1";
    let template = "unmatched `{`; write `{{` for a brace";
    let twice = "limit `a` is named twice; give it a weight: `\"a:2\"`";
    let table = [
        ("retries = 1001", "`retries` must be at most 1000", "1001"),
        ("retries = -1", "`retries` cannot be negative", "-1"),
        ("name = \"\"", "`name` is empty", "\"\""),
        ("name = \"a\\nb\"", "`name` contains a control character", "\"a\\nb\""),
        ("tags = []", "`tags` is empty", "[]"),
        ("timeout = \"0s\"", "`timeout` must be more than zero", "\"0s\""),
        ("trigger = \"all_don\"", triggers, "\"all_don\""),
        ("persist = \"allways\"", persist, "\"allways\""),
        ("concurrency = \"gpu:0\"", weight, "0"),
        ("concurrency = \":2\"", "the limit has no name; write one such as `\"gpu:2\"`", "\":2\""),
        ("concurrency = [\"a\", \"a\"]", twice, "[\"a\", \"a\"]"),
        ("run_name = \"{\"", template, "{"),
    ];
    for (source, message, underlined) in table {
        assert_errors(task(source), &[(message, underlined)]);
    }
    let long = format!("\"{}\"", "x".repeat(257));
    assert_errors(task(&format!("name = {long}")), &[("`name` is longer than 256 bytes", &long)]);
    let delays = format!("[{}]", ["\"1s\""; 51].join(", "));
    let many = "`retry_delay` takes at most 50 durations";
    assert_errors(task(&format!("retry_delay = {delays}")), &[(many, &delays)]);
    assert_errors(flow("max_concurrency = 0"), &[("`max_concurrency` must be at least 1", "0")]);
    let durability = "unknown durability `disk`; use `full`, `relaxed` or `memory`";
    assert_errors(flow("durability = \"disk\""), &[(durability, "\"disk\"")]);
    assert!(task(&format!("name = \"{}\"", "x".repeat(256))).is_ok());
}

#[test]
fn options_that_cannot_be_combined_are_refused() {
    let ttl = "`cache_ttl` limits how long a result is cached, but `cache = \"none\"` caches nothing; \
               remove one of them";
    let list = "`backoff` cannot be combined with a list of delays: the list already sets every delay";
    let shorter = "`max_retry_delay` is shorter than the first `retry_delay`";
    let needs = |key: &str| format!("`{key}` needs `retry_delay`, such as `retry_delay = \"1s\"`");
    let never = "`cache` stores the result for later calls, but `persist = \"never\"` forbids that; \
                 remove one of them";
    let retried = "`retries` would repeat an attempt that timed out or panicked, although it may have done its \
                   work; remove `retries` or `at_most_once`";
    let forgotten = "a task that may run at most once must persist its result, since it cannot compute it again; \
                     remove `persist` or `at_most_once`";
    let table = [
        (r#"cache = "run", persist = "never""#, never, "persist"),
        (r#"persist = "never", cache = |a| a"#, never, "persist"),
        ("at_most_once, retries = 1", retried, "retries"),
        (r#"persist = "never", at_most_once = true"#, forgotten, "persist"),
        (r#"cache = "none", cache_ttl = "1h""#, ttl, "cache_ttl"),
        (r#"backoff = "fixed", retry_delay = ["1s", "2s"]"#, list, "backoff"),
        (r#"retry_delay = "1m", max_retry_delay = "1s""#, shorter, "max_retry_delay"),
        (r#"backoff = "fixed""#, &needs("backoff"), "backoff"),
        (r#"max_retry_delay = "1s""#, &needs("max_retry_delay"), "max_retry_delay"),
        ("jitter = 1", &needs("jitter"), "jitter"),
    ];
    for (source, message, underlined) in table {
        assert_errors(task(source), &[(message, underlined)]);
    }
    assert_errors(flow("task_defaults(jitter = 1)"), &[(needs("jitter").as_str(), "jitter")]);
    assert!(task(r#"backoff = "fixed", retry_delay = ["1s"]"#).is_ok());
    for fits in [
        r#"cache = "none", persist = "never""#,
        r#"cache = "inputs", persist = "always""#,
        "at_most_once, retries = 0",
        r#"at_most_once = false, retries = 1, persist = "never""#,
    ] {
        assert!(task(fits).is_ok(), "{fits}");
    }
    // A bad delay is one mistake, not two.
    let unit = "`1` needs a time unit; use `ms`, `s`, `m`, `h` or `d`";
    assert_errors(task(r#"jitter = 1, retry_delay = "1""#), &[(unit, "1")]);
}
