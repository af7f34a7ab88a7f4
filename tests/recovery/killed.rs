//! R01: a flow whose process is killed at any moment loses nothing that anybody relied on, and ends as if it had not been.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PAIRS: u64 = 250;
const SLOTS: u64 = 8;

fn start(folder: &Path) -> Child {
    Command::new(env!("CARGO_BIN_EXE_killed"))
        .arg(folder)
        .arg(PAIRS.to_string())
        .arg(SLOTS.to_string())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

/// Waits until the program has left `lines` more lines, or has ended by itself.
fn watch(child: &mut Child, notes: &Path, lines: usize) -> bool {
    let count = || fs::read(notes).map_or(0, |text| text.iter().filter(|byte| **byte == b'\n').count());
    let goal = count() + lines;
    // Five looks a millisecond for a minute, at the least.
    for _ in 0..300_000 {
        if count() >= goal {
            return true;
        }
        if child.try_wait().unwrap().is_some() {
            return false;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    panic!("the program hangs");
}

/// Kills the program up to three times at moments that `random` chooses, and lets it end. Returns the number of kills.
fn trial(random: &mut fastrand::Rng) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    let mut kills = 0;
    for _ in 0..random.u32(1..=3) {
        let mut child = start(folder.path());
        let alive = watch(&mut child, &notes, random.usize(0..PAIRS as usize));
        std::thread::sleep(Duration::from_micros(random.u64(0..3000)));
        // SIGKILL: nothing of it can be caught.
        child.kill().unwrap();
        child.wait().unwrap();
        kills += u64::from(alive);
    }
    let status = start(folder.path()).wait().unwrap();
    assert!(status.success(), "the last run ends well");
    judge(&fs::read_to_string(&notes).unwrap(), kills);
    kills
}

/// Looks at what the tasks have left behind.
fn judge(notes: &str, kills: u64) {
    let mut begun: HashMap<&str, u64> = HashMap::new();
    let mut relied = HashSet::new();
    for line in notes.lines() {
        match line.split_once(' ') {
            Some(("begin", k)) => {
                assert!(!relied.contains(k), "task {k} was finished, relied on, and done again");
                *begun.entry(k).or_default() += 1;
            }
            Some(("relied", k)) => {
                relied.insert(k);
            }
            Some(("sum", sum)) => {
                let expected: u64 = (0..PAIRS).map(|k| k * k + 1).sum();
                assert_eq!(sum, expected.to_string());
            }
            _ => panic!("an odd line: {line}"),
        }
    }
    assert_eq!(begun.len() as u64, PAIRS);
    assert!(notes.contains("\nsum "), "it came to its end");
    let again: u64 = begun.values().map(|times| times - 1).sum();
    assert!(again <= SLOTS * kills, "{again} tasks were begun again after {kills} kills");
}

/// `FLOWKIT_KILLS=1000` makes it longer, `FLOWKIT_SEED=…` repeats one.
#[test]
fn r01_nothing_that_was_relied_on_is_lost_or_done_again_over_two_hundred_kills() {
    let wanted = std::env::var("FLOWKIT_KILLS").map_or(200, |kills| kills.parse().unwrap());
    let seed = std::env::var("FLOWKIT_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
    println!("FLOWKIT_SEED={seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let (mut kills, mut trials) = (0, 0);
    while kills < wanted {
        kills += trial(&mut random);
        trials += 1;
    }
    println!("{kills} kills in {trials} runs: 0 results lost, 0 finished tasks done again");
}
