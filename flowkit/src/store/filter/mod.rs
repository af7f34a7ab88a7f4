//! The language for choosing flow runs, the same on the command line and on the page.
//!
//! Pure: the caller passes the time.
//!
//! ```text
//! state:failed flow:etl,report since:2d until:2026-01-01 tag:nightly some text
//! ```
//!
//! | filter | matches runs |
//! |---|---|
//! | `state:failed,crashed` | in one of these states: `completed`, `timed_out`, `awaiting_retry`, …, or of a group |
//! | `state:failed` | that failed by themselves: `Failed` **and** `TimedOut`; `state:timed_out` matches only the latter |
//! | `state:active` | that have begun and not ended, in a living process |
//! | `state:ended` | that have ended, in any way |
//! | `flow:etl`, `flow:"Word count"` | of this flow, by its whole name |
//! | `tag:nightly` | with this tag |
//! | `owner:ml-team` | of a flow with this owner |
//! | `since:2d`, `since:2026-01-01` | created in the last two days; created on this day (UTC) or later |
//! | `since:today`, `since:"3m 05s ago"`, `since:09:02:53.389Z` | the same, as flowkit prints moments; a time of day is the last one |
//! | `until:1d 12h`, `until:2026-01-01T12:30` | created before that |
//! | `failures:>0`, `failures:3` | with that many failed task runs: `>`, `>=`, `<`, `<=` or the number itself |
//! | `word`, `"any text: quoted"` | with this text in a name, or at the beginning of the short id |
//!
//! Alternatives are separated by commas, or the key is repeated. Different keys must all match.

mod time;
mod words;

use std::ops::RangeInclusive;

use self::words::{Word, words};
use super::FlowRunFilter;
use crate::model::{State, WallTime};
use crate::text::wording::{did_you_mean, list};

/// Why a filter cannot be parsed: what is wrong, and what is allowed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FilterError {
    /// There is no such key.
    #[error("unknown filter `{key}`; there are {}, and text with a colon goes in quotes{hint}", list(KEYS))]
    UnknownKey {
        /// What was written.
        key: String,
        /// The nearest key, as a question.
        hint: String,
    },
    /// There is no such state.
    #[error("unknown state `{state}`; there are {}{hint}", list(state_names()))]
    UnknownState {
        /// What was written.
        state: String,
        /// The nearest state, as a question.
        hint: String,
    },
    /// A moment that makes no sense.
    #[error(
        "`{key}:{written}` is not a time; write how long ago, such as `30m`, `2h`, `2d` or `1w`, or a date or a time (UTC), such as `2026-01-31`, `2026-01-31T12:30`, `12:30`, `today` or `yesterday`"
    )]
    Time {
        /// `since` or `until`.
        key: &'static str,
        /// What was written.
        written: String,
    },
    /// A count that makes no sense.
    #[error(
        "`failures:{written}` is no count; write a number, such as `3`, or a bound, such as `>0`, `>=2` or `<10`"
    )]
    Count {
        /// What was written.
        written: String,
    },
    /// A key without a value.
    #[error("`{key}:` says nothing; write what to look for behind it, without a space")]
    Empty {
        /// The key.
        key: String,
    },
    /// A key that may be set only once.
    #[error("`{key}` is set twice")]
    Twice {
        /// The key.
        key: &'static str,
    },
    /// A quotation mark without a second one.
    #[error("a quotation does not end: `{rest}`")]
    Unclosed {
        /// The text from the quotation mark on.
        rest: String,
    },
}

const KEYS: [&str; 7] = ["state", "flow", "tag", "owner", "since", "until", "failures"];

/// Whether a group has a state.
type Holds = fn(State) -> bool;

/// Words that stand for several states.
const GROUPS: [(&str, Holds); 3] = [
    // A search for failed runs means those that timed out, too.
    ("failed", |state| matches!(state, State::Failed | State::TimedOut)),
    ("active", |state| {
        !state.is_terminal() && !matches!(state, State::Scheduled | State::Suspended | State::Crashed)
    }),
    ("ended", State::is_terminal),
];

/// The states in which a flow run can be.
const STATES: [State; 12] = [
    State::Scheduled,
    State::Pending,
    State::Waiting,
    State::Running,
    State::AwaitingRetry,
    State::Cancelling,
    State::Suspended,
    State::Completed,
    State::Failed,
    State::TimedOut,
    State::Cancelled,
    State::Crashed,
];

impl FlowRunFilter {
    /// Parses what a user typed. Empty text matches every run.
    ///
    /// ```
    /// # use flowkit::store::FlowRunFilter;
    /// # use flowkit::model::WallTime;
    /// let now = WallTime::from_micros(1_800_000_000_000_000);
    /// let filter = FlowRunFilter::parse("flow:etl since:2d", now)?;
    /// assert_eq!(filter.flows, ["etl"]);
    ///
    /// let error = FlowRunFilter::parse("stat:failed", now).unwrap_err();
    /// assert!(error.to_string().ends_with("did you mean `state`?"));
    /// # Ok::<(), flowkit::store::filter::FilterError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`FilterError`] with what is wrong and what is allowed.
    pub fn parse(text: &str, now: WallTime) -> Result<Self, FilterError> {
        let mut filter = Self::default();
        let mut free: Vec<String> = Vec::new();
        let words = words(text)?;
        let mut rest = &words[..];
        while let Some((word, after)) = rest.split_first() {
            rest = after;
            match word {
                Word::Free { text, .. } => free.push(text.clone()),
                Word::Keyed { key, values, is_quoted } => {
                    let mut values = values.clone();
                    if let (Some(read), [first], false) = (moment(key), &mut values[..], is_quoted) {
                        rest = with_its_words(first, rest, |written| read(written, now).is_some());
                    }
                    filter.add(key, values, now)?;
                }
            }
        }
        filter.text = (!free.is_empty()).then(|| free.join(" "));
        Ok(filter)
    }

    fn add(&mut self, key: &str, values: Vec<String>, now: WallTime) -> Result<(), FilterError> {
        if values.is_empty() && KEYS.contains(&key) {
            return Err(FilterError::Empty { key: key.to_owned() });
        }
        match key {
            "state" => {
                for value in values {
                    let fresh = states(&value)?.into_iter().filter(|state| !self.states.contains(state));
                    let fresh: Vec<State> = fresh.collect();
                    self.states.extend(fresh);
                }
            }
            "flow" => self.flows.extend(values),
            "tag" => self.tags.extend(values),
            "owner" => self.owners.extend(values),
            "since" => once(("since", time::since), &mut self.since, &values, now)?,
            "until" => once(("until", time::until), &mut self.until, &values, now)?,
            "failures" => {
                let [written] = &values[..] else { return Err(FilterError::Twice { key: "failures" }) };
                let range = range(written).ok_or_else(|| FilterError::Count { written: written.clone() })?;
                if self.failures.replace(range).is_some() {
                    return Err(FilterError::Twice { key: "failures" });
                }
            }
            unknown => {
                let hint = did_you_mean(unknown, KEYS);
                return Err(FilterError::UnknownKey { key: unknown.to_owned(), hint });
            }
        }
        Ok(())
    }
}

/// Reads a moment, as of now.
type Read = fn(&str, WallTime) -> Option<WallTime>;

fn moment(key: &str) -> Option<Read> {
    match key {
        "since" => Some(time::since),
        "until" => Some(time::until),
        _ => None,
    }
}

/// The words that a moment has at most: `1d 2h 3m 4s ago`.
const WORDS_MAX: usize = 5;

/// Adds the words behind a moment that belong to it, as many as make sense: `since:1m 30s` means the same as `since:"1m 30s"`,
/// not runs with the text `30s`. Returns the other words.
fn with_its_words<'w>(
    first: &mut String,
    words: &'w [Word],
    makes_sense: impl Fn(&str) -> bool,
) -> &'w [Word] {
    let texts = words.iter().take(WORDS_MAX - 1).map_while(|word| match word {
        Word::Free { text, is_quoted: false } => Some(text.as_str()),
        _ => None,
    });
    let texts: Vec<&str> = texts.collect();
    for count in (1..=texts.len()).rev() {
        let whole = format!("{first} {}", texts[..count].join(" "));
        if makes_sense(&whole) {
            *first = whole;
            return &words[count..];
        }
    }
    words
}

fn once(
    (key, read): (&'static str, Read),
    place: &mut Option<WallTime>,
    values: &[String],
    now: WallTime,
) -> Result<(), FilterError> {
    let [written] = values else { return Err(FilterError::Twice { key }) };
    let at = read(written, now).ok_or_else(|| FilterError::Time { key, written: written.clone() })?;
    if place.replace(at).is_some() { Err(FilterError::Twice { key }) } else { Ok(()) }
}

/// Reads a count or a bound of one: `3`, `>0`, `<=10`. `None` also for one that no count can meet.
fn range(written: &str) -> Option<RangeInclusive<u64>> {
    let number = |text: &str| text.parse::<u64>().ok();
    let range = if let Some(least) = written.strip_prefix(">=") {
        number(least)?..=u64::MAX
    } else if let Some(most) = written.strip_prefix("<=") {
        0..=number(most)?
    } else if let Some(below) = written.strip_prefix('>') {
        number(below)?.checked_add(1)?..=u64::MAX
    } else if let Some(above) = written.strip_prefix('<') {
        0..=number(above)?.checked_sub(1)?
    } else {
        let count = number(written)?;
        count..=count
    };
    Some(range)
}

/// Reads one state or group. `timed_out`, `timed-out` and `TimedOut` are the same.
fn states(written: &str) -> Result<Vec<State>, FilterError> {
    let plain = |name: &str| name.replace(['_', '-'], "").to_ascii_lowercase();
    let wanted = plain(written);
    if let Some((_, holds)) = GROUPS.into_iter().find(|(name, _)| *name == wanted) {
        return Ok(STATES.into_iter().filter(|state| holds(*state)).collect());
    }
    let state = STATES.into_iter().find(|state| plain(state.name()) == wanted);
    state.map(|state| vec![state]).ok_or_else(|| {
        let names = state_names();
        let hint = did_you_mean(&written.to_ascii_lowercase(), names.iter().map(String::as_str));
        FilterError::UnknownState { state: written.to_owned(), hint }
    })
}

/// The names of states and groups, as they are typed.
fn state_names() -> Vec<String> {
    let states = STATES.into_iter().map(|state| snake(state.name()));
    let groups = GROUPS.into_iter().map(|(name, _)| name.to_owned()).filter(|name| name != "failed");
    states.chain(groups).collect()
}

fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 1);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests;
