//! One JSON object per line for each event, for other programs. The form has a version: `"v":1` means that fields are only
//! ever added. Not the store's rows: ids are those that people type.

use serde::Serialize;
use serde_json::value::RawValue;

use super::picture::Program;
use super::view::RunView;
use crate::engine::observer::Notice;
use crate::model::{ErrorReport, EventKind, State, TaskRun, TaskRunId, WallTime};

/// The version of the form.
const VERSION: u8 = 1;

/// A line. What does not apply is left out.
#[derive(Default, Serialize)]
struct Record<'a> {
    v: u8,
    t: String,
    /// The outermost flow run.
    run: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    flow: Option<&'a str>,
    /// The sub-flows that lead here.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task: Option<&'a str>,
    /// The number of the task run in its flow run.
    #[serde(skip_serializing_if = "Option::is_none")]
    task_run: Option<u64>,
    /// What people call the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<String>,
    /// Which of the runs of the task: its name, or its place in the list that was mapped.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    params: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempt: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delay_ms: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<State>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ms: Option<u128>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Error<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<Counts>,
    #[serde(skip_serializing_if = "Option::is_none")]
    resume: Option<String>,
    at: String,
}

#[derive(Serialize)]
struct Error<'a> {
    /// The task that failed first.
    task: &'a str,
    msg: &'a str,
    chain: &'a [String],
    place: &'a str,
}

#[derive(Serialize)]
struct Counts {
    tasks: usize,
    ran: usize,
    cached: usize,
    failed: usize,
    skipped: usize,
    cancelled: usize,
    retries: usize,
}

/// Returns the line for an event, of which `view` knows already.
pub(super) fn line(
    view: &RunView,
    notice: &Notice<'_>,
    parameters: Option<&str>,
    program: &Program,
) -> Option<String> {
    let task_run = notice.task_run;
    let is_own = notice.event.task_run == TaskRunId::FLOW && notice.origin.is_none();
    let mut record = Record {
        v: VERSION,
        t: format!("{}.{}", if is_own { "run" } else { "task" }, word(notice.event.kind.name(), is_own)),
        run: view.id.short(),
        at: time(notice.at.into()),
        ..Record::default()
    };
    match is_own {
        true => record.flow = Some(task_run.task()),
        false => about(&mut record, notice),
    }
    match &notice.event.kind {
        EventKind::Started { attempt } => {
            record.attempt = Some(*attempt);
            if is_own {
                record.id = Some(view.id.to_string());
                record.params = parameters.and_then(|json| serde_json::from_str(json).ok());
            }
        }
        EventKind::AttemptFailed { attempt, failure } => {
            record.attempt = Some(*attempt);
            record.max = failure.attempts_max;
            record.delay_ms = Some(failure.retry_in.as_millis());
            record.error = Some(error(&failure.error));
        }
        EventKind::Failed { error: report }
        | EventKind::TimedOut { error: report, .. }
        | EventKind::UpstreamFailed { error: report } => record.error = Some(error(report)),
        EventKind::Skipped { reason } => record.reason = Some(reason),
        _ => {}
    }
    if notice.event.kind.is_end() {
        record.ms = task_run.duration().map(|duration| duration.as_millis());
        if is_own {
            record.state = Some(view.state);
            record.counts = Some(counts(view));
            record.resume = program.command("resume", view.id).filter(|_| !view.state.is_success());
        }
    }
    serde_json::to_string(&record).ok()
}

fn about<'a>(record: &mut Record<'a>, notice: &Notice<'a>) {
    let task_run: &'a TaskRun = notice.task_run;
    record.path = notice.origin.map(|origin| &*origin.path);
    record.task = Some(task_run.task());
    record.task_run = Some(notice.event.task_run.get());
    record.label = Some(task_run.label());
    let index = || task_run.index().map(|index| index.to_string());
    record.key = task_run.name().map(str::to_owned).or_else(index);
}

/// Returns the word for an event by its name in the record; the end of a run is one word, with the state beside it.
pub(crate) fn word(name: &str, is_own: bool) -> String {
    match name {
        "completed"
        | "cached"
        | "failed"
        | "timed out"
        | "cancelled"
        | "left without an input"
        | "skipped"
        | "suspended"
            if is_own =>
        {
            "finished".to_owned()
        }
        "retried" => "retrying".to_owned(),
        "told to stop" => "cancelling".to_owned(),
        "left without an input" => "upstream_failed".to_owned(),
        other => other.replace(' ', "_"),
    }
}

fn error(report: &ErrorReport) -> Error<'_> {
    Error { task: &report.task, msg: &report.message, chain: &report.causes, place: &report.location }
}

fn counts(view: &RunView) -> Counts {
    let counts = view.counts();
    Counts {
        tasks: counts.seen,
        ran: counts.ran,
        cached: counts.cached,
        failed: counts.failed,
        skipped: counts.skipped,
        cancelled: counts.cancelled,
        retries: view.retries,
    }
}

/// Returns a moment as RFC 3339 has it: `2026-11-23T09:02:53.389Z`.
fn time(at: WallTime) -> String {
    let millis = at.as_micros().div_euclid(1000);
    let (day, of_day) = (millis.div_euclid(86_400_000), millis.rem_euclid(86_400_000));
    let (year, month, day) = date(day);
    let (hours, minutes, seconds) = (of_day / 3_600_000, of_day / 60_000 % 60, of_day / 1000 % 60);
    format!("{year:04}-{month:02}-{day:02}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", of_day % 1000)
}

/// Returns the date of a day, counted from 1970-01-01.
///
/// `civil_from_days` of <https://howardhinnant.github.io/date_algorithms.html>: years begin in March, so that the day
/// that is not always there is the last.
fn date(day: i64) -> (i64, i64, i64) {
    let shifted = day + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_as_rfc_3339_has_them() {
        let at = |seconds: i64| time(WallTime::from_micros(seconds * 1_000_000 + 7_999));
        assert_eq!(at(0), "1970-01-01T00:00:00.007Z");
        assert_eq!(at(951_782_399), "2000-02-28T23:59:59.007Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.007Z");
        assert_eq!(at(4_107_542_399), "2100-02-28T23:59:59.007Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00.007Z");
        assert_eq!(at(1_795_424_573), "2026-11-23T09:02:53.007Z");
        assert_eq!(at(-1), "1969-12-31T23:59:59.007Z");
    }
}
