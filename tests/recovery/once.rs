//! R48: what may happen at most once does, with every kind of argument, winner and end of a process.

use std::collections::{HashMap, HashSet};
use std::process::{Child, Command};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use flowkit::model::{ErrorReport, Refusal, State, TaskRun, TaskRunId};
use flowkit::store::{FlowRunFilter, History, TaskRunFilter};
use rustix::process::{Pid, Signal, kill_process};

use crate::kit::{Folder, aborted, each, must, seed, succeeds, times, watch};

/// So many bytes are about what a process leaves that runs to its end, divided by those that [`watch`] counts as a line.
const LINES: u64 = 500;

/// The calls whose end each run has to report, without those that depend on who wins.
const CALLS: usize = 31;

/// The call that nothing distinguishes from others.
const UNTOLD: &str = "stamp 9";

/// Failpoints at which a process aborts.
const PLACES: [&str; 7] = [
    "before-run",
    "after-body",
    "before-commit",
    "after-commit-before-ack",
    "after-ack",
    "before-submit-row",
    "after-submit-row",
];

/// What came of all trials.
#[derive(Default)]
struct Tally {
    /// Processes that died of a SIGKILL or aborted at a failpoint.
    kills: AtomicU64,
    /// Those of them that had left an effect, and not yet the last one.
    hits: AtomicU64,
    /// Processes that got a signal to stop, and then ended by themselves or were killed.
    stops: AtomicU64,
    runs: AtomicU64,
    effects: AtomicU64,
    /// Calls with an unknown outcome.
    unknown: AtomicU64,
    /// Calls that had run with something else.
    changed: AtomicU64,
}

impl Tally {
    fn add(counter: &AtomicU64, number: usize) {
        counter.fetch_add(number as u64, Ordering::Relaxed);
    }
}

/// How a process ends, if it does not come to its end before.
enum End {
    Killed,
    Aborted,
    /// Gets the signal once or twice, and is killed if it does not stop soon enough.
    Stopped(u32),
}

/// Lets a process work on the run of the seed `of` for a while; returns whether it ended by itself.
fn process(folder: &Folder, of: u64, random: &mut fastrand::Rng, tally: &Tally) -> bool {
    let effects_before = effects(&folder.notes()).count();
    let grace = [0, 3, 30_000][random.usize(0..3)];
    let mut command = started_by(folder, of, random, grace);
    let end = match random.u32(0..6) {
        0 | 1 => End::Stopped(random.u32(1..=2)),
        2 => End::Aborted,
        _ => End::Killed,
    };
    if matches!(end, End::Aborted) {
        let place = format!("{}:abort:{}", PLACES[random.usize(..PLACES.len())], random.u32(1..40));
        command.env("FLOWKIT_FAILPOINT", place);
    }
    let mut child = command.spawn().unwrap();
    if !matches!(end, End::Aborted) {
        let most = LINES >> random.u32(0..3);
        watch(&mut child, folder, random.u64(0..most));
        std::thread::sleep(Duration::from_micros(random.u64(0..4000)));
    }
    match end {
        End::Stopped(times) if child.try_wait().unwrap().is_none() => {
            for _ in 0..times {
                kill_process(Pid::from_child(&child), Signal::TERM).unwrap();
            }
            Tally::add(&tally.stops, 1);
            std::thread::sleep(Duration::from_micros(random.u64(0..15_000)));
            kill_if_alive(child, folder, effects_before, tally)
        }
        End::Stopped(_) | End::Killed => kill_if_alive(child, folder, effects_before, tally),
        End::Aborted => ended(child, folder, effects_before, tally),
    }
}

fn started_by(folder: &Folder, of: u64, random: &mut fastrand::Rng, grace: u64) -> Command {
    folder.kit("once", &[of, random.u64(..), grace])
}

fn kill_if_alive(mut child: Child, folder: &Folder, effects_before: usize, tally: &Tally) -> bool {
    if child.try_wait().unwrap().is_none() {
        child.kill().unwrap();
    }
    ended(child, folder, effects_before, tally)
}

/// Waits for the end of a process, and counts its death.
///
/// # Panics
///
/// If it has ended in another way than it may.
fn ended(child: Child, folder: &Folder, effects_before: usize, tally: &Tally) -> bool {
    use std::os::unix::process::ExitStatusExt as _;
    const SIGKILL: i32 = 9;
    const SIGTERM: i32 = 15;
    let output = child.wait_with_output().unwrap();
    let signal = output.status.signal();
    if signal == Some(SIGKILL) || aborted(output.status) {
        let notes = folder.notes();
        let is_hit = effects(&notes).count() > effects_before && !notes.contains("\nended ");
        Tally::add(&tally.kills, 1);
        Tally::add(&tally.hits, usize::from(is_hit));
        return false;
    }
    // It got the signal before it listened, or stopped in order.
    let is_stopped = signal == Some(SIGTERM) || output.status.code() == Some(128 + SIGTERM);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(is_stopped || output.status.success(), "{}: {errors}", output.status);
    output.status.success()
}

/// The lines of what may happen at most once, as key and effect.
fn effects(notes: &str) -> impl Iterator<Item = (&str, &str)> {
    notes.lines().filter_map(|line| line.strip_prefix("effect ")?.split_once(' '))
}

/// What was done more than once, of a list.
fn repeated<'n>(all: impl Iterator<Item = &'n str>) -> Vec<&'n str> {
    let mut seen = HashSet::new();
    all.filter(|one| !seen.insert(*one)).collect()
}

/// The task runs of all runs, by what they call themselves.
fn rows(folder: &Folder) -> HashMap<String, Vec<TaskRun>> {
    let store = folder.open();
    let mut all = FlowRunFilter::default();
    all.sub_flows = true;
    let mut rows: HashMap<_, Vec<_>> = HashMap::new();
    for run in store.flow_runs(&all, None, usize::MAX).unwrap().runs {
        assert_eq!(run.state, State::Completed, "{run:?}");
        for row in store.task_runs(run.id, &TaskRunFilter::default(), TaskRunId::FLOW, usize::MAX).unwrap() {
            rows.entry(row.label()).or_default().push(row);
        }
    }
    rows
}

/// Judges what the processes of one run have left behind.
fn judge(folder: &Folder, tally: &Tally) -> Result<(), String> {
    let notes = folder.notes();
    let again = repeated(effects(&notes).map(|(_, what)| what));
    must(again.is_empty(), || format!("happened twice, and may at most once: {again:?}"))?;
    let keys = repeated(effects(&notes).map(|(key, _)| key));
    must(keys.is_empty(), || format!("one key of two effects: {keys:?}"))?;
    keys_are_kept(&notes)?;

    let last = notes.rsplit("\nprocess ").next().ok_or("no process")?;
    let ends = last.lines().filter_map(|line| line.strip_prefix("ended ")?.split_once(": "));
    let ends: HashMap<&str, &str> = ends.collect();
    let calls = ends.keys().filter(|what| !what.starts_with("praise ")).count();
    must(calls == CALLS, || format!("{calls} calls"))?;
    let happened: HashSet<&str> = effects(&notes).map(|(_, what)| what).collect();
    let lost = happened.iter().find(|what| !what.contains(" dashes ") && !ends.contains_key(*what));
    must(lost.is_none(), || format!("nobody asks any more for {lost:?}"))?;
    let rows = rows(folder);
    for (what, outcome) in ends {
        // This one must have no name.
        let rows = rows.get(if what == UNTOLD { "stamp" } else { what });
        judge_one(what, outcome, happened.contains(what), rows, tally)
            .map_err(|broken| format!("{what}: {broken}"))?;
    }
    Tally::add(&tally.effects, happened.len());
    Ok(())
}

/// Judges a call by its outcome and by its rows.
fn judge_one(
    what: &str,
    outcome: &str,
    happened: bool,
    rows: Option<&Vec<TaskRun>>,
    tally: &Tally,
) -> Result<(), String> {
    let rows = rows.ok_or("no row")?;
    let says = |words: &str| {
        let told = |error: &ErrorReport| format!("{error:?}").contains(words);
        outcome.contains(words) && rows.iter().any(|row| row.error.as_deref().is_some_and(told))
    };
    let has_succeeded = rows.iter().any(|row| row.state.is_success());
    if what == UNTOLD {
        let has_begun = happened || rows.iter().any(|row| row.attempt > 0);
        must(!has_begun, || "nothing tells which one it is, and it ran".to_owned())?;
        return must(says("`ink: Arc<Mutex<u64>>` cannot be told from others"), || outcome.to_owned());
    }
    if outcome == "done" {
        must(happened, || "done, and nothing has happened".to_owned())?;
        return must(has_succeeded, || format!("{rows:?}"));
    }
    let is_unknown = says(&Refusal::UnknownOutcome.to_string());
    // The record of what it did stays, for a caller that passes the old value again.
    let changed = "it ran in an earlier process with another value of";
    let is_changed = says(changed) || (outcome.contains(changed) && has_succeeded && happened);
    Tally::add(&tally.unknown, usize::from(is_unknown));
    Tally::add(&tally.changed, usize::from(is_changed));
    must(is_unknown || is_changed, || format!("not refused: {outcome}: {rows:?}"))
}

/// A key stays with what it was given to first, and that with its key as long as its run is the same.
fn keys_are_kept(notes: &str) -> Result<(), String> {
    let (mut whats, mut keys) = (HashMap::new(), HashMap::new());
    let plain = notes.lines().filter_map(|line| line.strip_prefix("plain ")?.split_once(' '));
    for (key, what) in plain.chain(effects(notes)) {
        let run = key.split('/').next();
        let (first_what, first_key) =
            (*whats.entry(key).or_insert(what), *keys.entry((run, what)).or_insert(key));
        must(first_what == what, || format!("{first_what} and {what} have one key"))?;
        must(first_key == key, || format!("{what} has two keys"))?;
    }
    Ok(())
}

/// Lets up to six processes work on one run, and another one end it.
fn trial(random: &mut fastrand::Rng, tally: &Tally) {
    let folder = Folder::new();
    let of = random.u64(..);
    for _ in 0..random.u32(1..=6) {
        if process(&folder, of, random, tally) {
            break;
        }
    }
    succeeds(&mut started_by(&folder, of, random, 30_000));
    Tally::add(&tally.runs, 1);
    judge(&folder, tally).unwrap_or_else(|broken| panic!("{broken}\n{}", folder.notes()));
}

/// `FLOWKIT_KILLS=1000` makes it longer. With `--nocapture` it prints what was seen.
#[test]
fn r48_what_may_happen_at_most_once_does_over_two_hundred_kills_with_sets_secrets_races_and_stops() {
    let wanted = times("FLOWKIT_KILLS", 200);
    let seed = seed();
    let tally = Tally::default();
    // There are at least as many kills as trials, nearly always.
    each(2 * wanted, |number| {
        if tally.kills.load(Ordering::Relaxed) < wanted {
            trial(&mut fastrand::Rng::with_seed(seed ^ number), &tally);
        }
    });
    let Tally { kills, hits, stops, runs, effects, unknown, changed } = tally;
    let [kills, hits, stops, runs, effects, unknown, changed] =
        [kills, hits, stops, runs, effects, unknown, changed].map(AtomicU64::into_inner);
    println!("{kills} kills, {hits} of them between effects, and {stops} stops in {runs} runs");
    println!(
        "0 of {effects} effects happened twice; refused: {unknown} of unknown outcome, {changed} changed"
    );
    assert!(kills >= wanted);
    assert!(3 * hits >= kills && stops > 0 && unknown > 0 && changed > 0, "it tries too little");
}
