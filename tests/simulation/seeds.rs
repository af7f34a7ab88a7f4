//! Runs the seeds, each twice, on as many threads as there are processors.

use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use crate::expected;
use crate::history::simulate;
use crate::invariants::{self, Rules};
use crate::trace::{self, Line};
use crate::world::{End, Process, World};

/// So many seeds are run every day.
const SEEDS: u64 = 1000;

/// So many flows are cut short at each of their entries.
const CUT_SEEDS: u64 = 12;

/// Simulates a world twice, and says what is wrong with it.
fn judge(world: &World) -> Result<Vec<Line>, (String, Vec<Line>)> {
    let twice = panic::catch_unwind(AssertUnwindSafe(|| (simulate(world), simulate(world))));
    let Ok((first, second)) = twice else { return Err(("it panics".into(), trace::take())) };
    let rules = Rules { slots: world.slots, full: world.full, is_tried_once: world.fails_first == 0 };
    let judged = match trace::first_difference(&first, &second) {
        Some(difference) => Err(format!("it is not the same twice: {difference}")),
        None => invariants::check(&rules, &first),
    };
    let judged = judged.and_then(|()| match world.is_left_alone() {
        true => expected::check(world, &first),
        false => Ok(()),
    });
    match judged {
        Ok(()) => Ok(first),
        Err(why) => Err((why, first)),
    }
}

/// A number from the environment.
pub(crate) fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

#[test]
fn r34_every_seed_keeps_the_promises_and_is_the_same_twice() {
    if let Some(seed) = number("FLOWKIT_SEED") {
        println!("{:#?}", World::of(seed));
        let (lines, why) = match judge(&World::of(seed)) {
            Ok(lines) => (lines, None),
            Err((why, lines)) => (lines, Some(why)),
        };
        lines.iter().for_each(|line| println!("{line:?}"));
        println!("seed {seed}: {} lines, hash {:016x}", lines.len(), trace::hash(&lines));
        assert_eq!(why, None);
        return;
    }
    let hash = AtomicU64::new(0);
    on_all_processors(number("FLOWKIT_SEEDS").unwrap_or(SEEDS), |seed| {
        let lines = judge(&World::of(seed)).map_err(|(why, _)| why)?;
        hash.fetch_xor(trace::hash(&lines).rotate_left((seed % 64) as u32), Ordering::Relaxed);
        Ok(lines.len())
    });
    println!("hash {:016x}", hash.into_inner());
}

/// Judges so many seeds on as many threads as there are processors, and names those that are broken. `judge` returns how many
/// lines a seed has, or what is wrong with it.
pub(crate) fn on_all_processors(seeds: u64, judge: impl Fn(u64) -> Result<usize, String> + Sync) {
    let next = AtomicU64::new(0);
    let run = || {
        let (mut broken, mut lines) = (Vec::new(), 0);
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= seeds {
                return (broken, lines);
            }
            match judge(seed) {
                Ok(more) => lines += more,
                Err(why) => broken.push((seed, why)),
            }
        }
    };
    let threads = thread::available_parallelism().map_or(1, usize::from);
    let (mut broken, mut lines) = (Vec::new(), 0);
    thread::scope(|scope| {
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        for thread in all {
            let (of_thread, more) = thread.join().unwrap();
            broken.extend(of_thread);
            lines += more;
        }
    });
    println!("{seeds} seeds, each twice: {lines} lines, {} broken", broken.len());
    broken.sort();
    for (seed, why) in broken.iter().take(20) {
        println!("FLOWKIT_SEED={seed}: {why}");
    }
    assert_eq!(broken.len(), 0, "the first is repeated, with its trace, by FLOWKIT_SEED={}", broken[0].0);
}

/// A process that dies with each entry in turn, and one that continues.
#[test]
fn r34_a_flow_may_die_at_any_of_its_entries() {
    for seed in 0..CUT_SEEDS {
        let mut deaths = 0;
        for kept in [false, true] {
            for entry in 0.. {
                let dies = Process { end: Some(End::Dies { entry, kept }), ..Process::default() };
                let world = World { processes: vec![dies, Process::default()], ..World::of(seed) };
                let lines = judge(&world).unwrap_or_else(|(why, _)| {
                    panic!("seed {seed}, dead at entry {entry}, which was kept: {kept}: {why}")
                });
                if !lines.contains(&Line::Died) {
                    break;
                }
                deaths += 1;
            }
        }
        assert!(deaths > 0, "seed {seed} leaves entries");
    }
}
