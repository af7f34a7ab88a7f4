//! Starting and watching the program `testkit`, and judging what its flow of squares has left behind.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::Duration;

use flowkit::store::SqliteStore;
use tempfile::TempDir;

/// How many of its tasks the flow of squares has running at the same time.
pub(crate) const SLOTS: u64 = 8;

/// Prints the seed of a test, so that `FLOWKIT_SEED=…` repeats a failure.
pub(crate) fn seed() -> u64 {
    let seed = std::env::var("FLOWKIT_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("FLOWKIT_SEED={seed}");
    seed
}

/// How often something is tried, unless the environment says so.
pub(crate) fn times(variable: &str, usually: u64) -> u64 {
    std::env::var(variable).map_or(usually, |times| times.parse().unwrap())
}

/// Runs `trial` for each number below `trials`, several at a time: they mostly wait for the disk.
pub(crate) fn each(trials: u64, trial: impl Fn(u64) + Sync) {
    let next = std::sync::atomic::AtomicU64::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if number >= trials {
                        return;
                    }
                    trial(number);
                }
            });
        }
    });
}

/// A folder in which the program works.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.path().join("runs.db")
    }

    pub(crate) fn open(&self) -> SqliteStore {
        SqliteStore::open(self.database()).unwrap()
    }

    /// Prepares to start the program.
    pub(crate) fn kit(&self, what: &str, numbers: &[u64]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_testkit"));
        command.arg(what).arg(self.path()).args(numbers.iter().map(u64::to_string));
        // Aborts must not fill the log of the test.
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Starts the program, and waits until it is stopped at a failpoint, as after Ctrl-Z.
    pub(crate) fn stopped_at(&self, what: &str, failpoint: &str) -> Child {
        let child = self.kit(what, &[]).env("FLOWKIT_FAILPOINT", failpoint).spawn().unwrap();
        let stat = format!("/proc/{}/stat", child.id());
        while !fs::read_to_string(&stat).unwrap().contains(") T ") {
            std::thread::yield_now();
        }
        child
    }

    /// Starts or resumes the flow of squares. Chance may kill a task three times, which does not make it a poison pill here.
    pub(crate) fn squares(&self, pairs: u64, ballast: u64) -> Command {
        self.kit("squares", &[pairs, SLOTS, ballast, 1000, 1])
    }

    pub(crate) fn notes(&self) -> String {
        fs::read_to_string(self.path().join("notes")).unwrap_or_default()
    }

    /// How often each task was paid for, by a receiver that takes one payment under one key.
    fn payments(&self) -> HashMap<String, u64> {
        let asked = fs::read_to_string(self.path().join("payments")).unwrap();
        let taken: HashSet<&str> = asked.lines().collect();
        let mut payments = HashMap::new();
        for payment in taken {
            let (_key, what) = payment.split_once(' ').unwrap();
            *payments.entry(what.to_owned()).or_default() += 1;
        }
        payments
    }

    /// Checks what the flow of squares has left behind after so many deaths.
    ///
    /// # Panics
    ///
    /// If a promise was broken.
    pub(crate) fn judge(&self, pairs: u64, deaths: u64) -> Found {
        self.find(pairs, deaths).unwrap_or_else(|broken| panic!("{broken}"))
    }

    /// The same for who wants to know which promise was broken.
    pub(crate) fn find(&self, pairs: u64, deaths: u64) -> Result<Found, String> {
        let found = Found::try_read(&self.notes())?;
        let sum = Some((0..pairs).map(|k| k * k + 1).sum());
        must(found.sum == sum, || format!("it came to {:?} instead of {sum:?}", found.sum))?;
        let begun = found.begun.len() as u64;
        must(begun == pairs, || format!("{begun} tasks of {pairs} have begun"))?;
        let again = found.again();
        must(again <= SLOTS * deaths, || format!("{again} tasks again after {deaths} deaths"))?;
        let charges = repeated(&found.charges);
        must(charges.is_empty(), || format!("begun twice, and may be at most once: {charges:?}"))?;
        let (charged, of) = (found.charged, found.charges.len());
        must(charged <= of as u64, || format!("{charged} charges are known to have succeeded, of {of}"))?;
        let payments = self.payments();
        must(payments.len() as u64 == 2 * pairs, || format!("{} payments", payments.len()))?;
        let paid = repeated(&payments);
        must(paid.is_empty(), || format!("paid twice: {paid:?}"))?;
        Ok(found)
    }
}

/// A promise, and what to say if it was broken.
pub(crate) fn must(holds: bool, broken: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(broken()) }
}

/// What was done more than once.
fn repeated(times: &HashMap<String, u64>) -> Vec<&str> {
    times.iter().filter(|(_, times)| **times > 1).map(|(what, _)| what.as_str()).collect()
}

/// What tasks have noted.
#[derive(Default)]
pub(crate) struct Found {
    begun: HashMap<String, u64>,
    pub(crate) relied: HashSet<String>,
    charges: HashMap<String, u64>,
    charged: u64,
    pub(crate) sum: Option<u64>,
}

impl Found {
    /// Reads notes.
    ///
    /// # Panics
    ///
    /// If a task ran again although another one had relied on its result.
    pub(crate) fn read(notes: &str) -> Self {
        Self::try_read(notes).unwrap_or_else(|broken| panic!("{broken}"))
    }

    /// The same for who wants to know which promise was broken.
    pub(crate) fn try_read(notes: &str) -> Result<Self, String> {
        let mut found = Self::default();
        for line in notes.lines() {
            match line.split_once(' ').unwrap() {
                ("begin", k) => {
                    let is_first = !found.relied.contains(k);
                    must(is_first, || format!("task {k} was finished, relied on, and done again"))?;
                    *found.begun.entry(k.to_owned()).or_default() += 1;
                }
                ("relied", k) => drop(found.relied.insert(k.to_owned())),
                ("charge", k) => *found.charges.entry(k.to_owned()).or_default() += 1,
                ("charged", number) => found.charged = number.parse().unwrap(),
                ("sum", sum) => found.sum = Some(sum.parse().unwrap()),
                odd => panic!("an odd line: {odd:?}"),
            }
        }
        Ok(found)
    }

    /// How many tasks were begun again.
    pub(crate) fn again(&self) -> u64 {
        self.begun.values().map(|times| times - 1).sum()
    }
}

/// Waits until the program has left about `lines` more lines, or has ended by itself.
pub(crate) fn watch(child: &mut Child, folder: &Folder, lines: u64) -> bool {
    let notes = folder.path().join("notes");
    // Its length is looked at instead of its lines: they are of about ten bytes, and looking takes the processor away.
    let length = || fs::metadata(&notes).map_or(0, |notes| notes.len());
    let goal = length() + 10 * lines;
    // One look a millisecond for a minute, at the least.
    for _ in 0..60_000 {
        if length() >= goal {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    panic!("the program hangs");
}

/// SIGKILL: nothing of it can be caught.
pub(crate) fn kill(mut child: Child) {
    child.kill().unwrap();
    child.wait().unwrap();
}

/// Runs the program to its good end.
pub(crate) fn succeeds(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}: {}", output.status, String::from_utf8_lossy(&output.stderr));
    output
}

/// Whether the program has ended itself by `abort`.
pub(crate) fn aborted(status: ExitStatus) -> bool {
    use std::os::unix::process::ExitStatusExt;
    const SIGABRT: i32 = 6;
    status.signal() == Some(SIGABRT)
}
