//! Tables: what is typed, and what it chooses or why not.

use super::*;
use crate::model::iso;

/// 2026-01-08T12:00:00Z, a Thursday.
const NOW: WallTime = WallTime::from_micros(1_767_873_600_000_000);

fn parse(text: &str) -> FlowRunFilter {
    FlowRunFilter::parse(text, NOW).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    FlowRunFilter::parse(text, NOW).expect_err(text).to_string()
}

#[test]
fn a_filter_says_what_each_of_its_words_says() {
    let filter = parse("state:failed flow:etl since:2d until:2026-01-01 tag:x owner:a,b free text");
    let expected = FlowRunFilter {
        states: vec![State::Failed, State::TimedOut],
        flows: vec!["etl".into()],
        tags: vec!["x".into()],
        owners: vec!["a".into(), "b".into()],
        since: Some(WallTime::from_micros(1_767_700_800_000_000)),
        until: Some(WallTime::from_micros(1_767_225_600_000_000)),
        text: Some("free text".into()),
        failures: None,
        sub_flows: false,
        parent: None,
    };
    assert_eq!(filter, expected);
    for nothing in ["", "  \t", "\"\""] {
        assert_eq!(parse(nothing), FlowRunFilter::default(), "{nothing:?}");
    }
}

#[test]
fn states_are_named_alone_in_lists_and_in_groups() {
    use State::*;
    let table: [(&str, &[State]); 12] = [
        ("state:running", &[Running]),
        ("state:timed_out", &[TimedOut]),
        ("state:timed-out", &[TimedOut]),
        ("STATE:TimedOut", &[TimedOut]),
        ("state:awaiting_retry", &[AwaitingRetry]),
        ("state:failed", &[Failed, TimedOut]),
        ("state:failed,crashed", &[Failed, TimedOut, Crashed]),
        ("state:timed_out,failed", &[TimedOut, Failed]),
        ("state:failed state:crashed", &[Failed, TimedOut, Crashed]),
        ("state:crashed,", &[Crashed]),
        ("state:active", &[Pending, Waiting, Running, AwaitingRetry, Cancelling]),
        ("state:ended", &[Completed, Failed, TimedOut, Cancelled]),
    ];
    for (text, states) in table {
        assert_eq!(parse(text).states, states, "{text}");
    }
}

#[test]
fn every_name_that_a_refusal_lists_is_understood() {
    for name in state_names() {
        assert!(!parse(&format!("state:{name}")).states.is_empty(), "{name}");
    }
}

#[test]
fn failures_are_counted_or_bounded() {
    let most = u64::MAX;
    for (text, range) in [
        ("failures:>0", 1..=most),
        ("failures:>=2", 2..=most),
        ("failures:3", 3..=3),
        ("failures:0", 0..=0),
        ("failures:<3", 0..=2),
        ("failures:<=3", 0..=3),
        ("state:completed failures:>0", 1..=most),
    ] {
        assert_eq!(parse(text).failures, Some(range), "{text}");
    }
    for text in
        ["failures:<0", "failures:-1", "failures:>", "failures:many", "failures:>18446744073709551615"]
    {
        assert!(refusal(text).contains("such as `>0`"), "{text}");
    }
    for text in ["failures:1,2", "failures:1 failures:2"] {
        assert_eq!(refusal(text), "`failures` is set twice");
    }
}

#[test]
fn quotation_marks_keep_spaces_commas_and_colons() {
    assert_eq!(parse(r#"flow:"Word count""#).flows, ["Word count"]);
    assert_eq!(parse(r#"flow:"a, b",c"#).flows, ["a, b", "c"]);
    assert_eq!(parse(r#"tag:say\"#).tags, [r"say\"]);
    assert_eq!(parse(r#"tag:"say \"hi\" \\o/""#).tags, [r#"say "hi" \o/"#]);
    assert_eq!(parse(r#""state:failed""#).text.as_deref(), Some("state:failed"));
    assert_eq!(parse(r#""two words" three"#).text.as_deref(), Some("two words three"));
}

#[test]
fn text_without_a_key_is_free() {
    for text in ["12:30", "a::b", ":x", "a,b", "🚀", "-x", "k7qf2"] {
        let filter = parse(text);
        assert_eq!(filter, FlowRunFilter { text: Some(text.into()), ..FlowRunFilter::default() });
    }
}

#[test]
fn moments_are_ages_or_dates() {
    const DAY: i64 = 86_400;
    let now = NOW.as_micros() / 1_000_000;
    let table = [
        ("30s", now - 30),
        ("30m", now - 1800),
        ("2h", now - 7200),
        ("2d", now - 2 * DAY),
        ("1w", now - 7 * DAY),
        ("1mo", now - 31 * DAY),
        ("1d 12h", now - DAY - 43_200),
        ("2 days", now - 2 * DAY),
        ("1m 30s", now - 90),
        ("1.5h", now - 5400),
        ("today", now - DAY / 2),
        ("yesterday", now - DAY / 2 - DAY),
        ("12:00", now),
        ("11:59:58Z", now - 2),
        ("12:00:01", now + 1 - DAY),
        // What is printed was cut: the run may be as much older.
        ("3m 05s ago", now - 186),
        ("1h 05m ago", now - 3900 - 60),
        ("3 days ago", now - 4 * DAY),
        ("0s", now),
        ("just now", now - 1),
        ("1970-01-01", 0),
        ("1969-12-31", -DAY),
        ("2000-02-29", 951_782_400),
        ("2026-01-08", 1_767_830_400),
        ("2026-01-08T12:00", now),
        ("2026-01-08T12:00:00Z", now),
        ("2026-12-31T23:59:59", 1_798_761_599),
        ("0000-01-01", -62_167_219_200),
        ("2026-01-08T14:00+02:00", now),
        ("9999-12-31", 253_402_214_400),
    ];
    for (written, seconds) in table {
        let at = parse(&format!("since:\"{written}\"")).since;
        assert_eq!(at.map(|at| at.as_micros()), Some(seconds * 1_000_000), "{written}");
    }
}

#[test]
fn a_moment_that_is_shown_is_understood() {
    for seconds in [0, 1, 59, 65, 7_265, 3 * 86_400] {
        let at = WallTime::from_micros(NOW.as_micros() - seconds * 1_000_000 - 123_000);
        let (date, time) = (iso(at), iso(at)["2026-01-08T".len()..].to_owned());
        // The line that is copied may be that of the start, some milliseconds after the run was created.
        for moment in [date, if seconds < 43_200 { time } else { iso(at) }] {
            let since = parse(&format!("since:{moment}")).since.unwrap();
            assert!(since < at && at.since(since).as_millis() == 100, "{moment}");
            assert_eq!(parse(&format!("until:{moment}")).until, Some(at), "{moment}");
        }
    }
}

#[test]
fn the_words_of_a_moment_need_no_quotation_marks() {
    for (text, same, free) in [
        ("since:1m 30s", "since:\"1m 30s\"", None),
        ("since:3m 05s ago state:failed x", "since:\"3m 05s ago\" state:failed", Some("x")),
        ("since:3 days ago", "since:\"3 days ago\"", None),
        ("until:2026-01-01 12:30 30s", "until:2026-01-01T12:30", Some("30s")),
        ("since:2d nightly 30s", "since:2d", Some("nightly 30s")),
        ("since:2d \"30s\"", "since:2d", Some("30s")),
        ("since:\"2d\" 30s", "since:2d", Some("30s")),
    ] {
        let expected = FlowRunFilter { text: free.map(str::to_owned), ..parse(same) };
        assert_eq!(parse(text), expected, "{text}");
    }
}

#[test]
fn what_is_no_moment_is_refused() {
    let table = [
        "2x",
        "d",
        "-2d",
        "+2d",
        "2d3",
        "99999999999999999999w",
        "99999y",
        "25:30:00",
        "1230",
        "12",
        "2026-01-01T12:30[Europe/Berlin]",
        "2026-13-01",
        "2026-02-29",
        "2026-1-1",
        "2026-01-32",
        "2026-01-00",
        "26-01-01",
        "2026-01-01T25:00",
        "2026-01-01T",
        "2026-01-01T1:2",
        "tomorrow",
        "2d ago ago",
        "２d",
        "é",
    ];
    for written in table {
        let told = refusal(&format!("since:\"{written}\""));
        assert!(told.starts_with(&format!("`since:{written}` is not a time; write")), "{told}");
    }
}

#[test]
fn a_refusal_says_what_is_allowed_and_what_was_meant() {
    let table = [
        (
            "stat:failed",
            "unknown filter `stat`; there are `state`, `flow`, `tag`, `owner`, `since`, `until` and `failures`, and text with a colon goes in quotes; did you mean `state`?",
        ),
        (
            "http://x",
            "unknown filter `http`; there are `state`, `flow`, `tag`, `owner`, `since`, `until` and `failures`, and text with a colon goes in quotes",
        ),
        (
            "state:faild",
            "unknown state `faild`; there are `scheduled`, `pending`, `waiting`, `running`, `awaiting_retry`, `cancelling`, `suspended`, `completed`, `failed`, `timed_out`, `cancelled`, `crashed`, `active` and `ended`; did you mean `failed`?",
        ),
        ("flow:", "`flow:` says nothing; write what to look for behind it, without a space"),
        ("flow: etl", "`flow:` says nothing; write what to look for behind it, without a space"),
        ("state:,", "`state:` says nothing; write what to look for behind it, without a space"),
        ("since:1d since:2d", "`since` is set twice"),
        ("until:1d,2d", "`until` is set twice"),
        ("flow:\"etl", "a quotation does not end: `\"etl`"),
    ];
    for (text, told) in table {
        assert_eq!(refusal(text), told, "{text}");
    }
}
