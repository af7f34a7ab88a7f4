//! R47: power cuts. What programs do to a disk is recorded, and what a cut at any operation may leave of it is where the next
//! process begins.
//!
//! ```text
//! programs/recorder.c ──► record ──► disk: safe, and done since ──► cut: what chance leaves ──► stage: a folder
//!                                      └► marks: what the world knew by then          sound, workloads: is all still true?
//! ```

mod broken;
mod cut;
mod disk;
mod lasting;
mod record;
mod rules;
mod sound;
mod stage;
mod workloads;

use std::sync::Mutex;

use self::cut::Fate;
use self::stage::{Recording, Stage, Variable};
use self::workloads::Workload;
use crate::kit::{each, seed, times};

/// So many of the first operations make the database.
const CREATION: usize = 120;

/// One power cut.
struct Cut {
    at: usize,
    fate: Fate,
    seed: u64,
    /// Whether the power is cut once more while programs continue.
    is_cut_again: bool,
}

impl Cut {
    /// The cut with this number, of so many of one record: one after the other they cover it, and every fifth one the
    /// creation of the database.
    fn choose(number: u64, of: u64, operations: usize, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed ^ number);
        let at = if number.is_multiple_of(5) {
            random.usize(..=operations.min(CREATION))
        } else {
            let part = |number: u64| (number as usize * operations) / of as usize;
            random.usize(part(number)..=part(number + 1))
        };
        Self { at, fate: Fate::choose(&mut random), seed: random.u64(..), is_cut_again: number % 4 == 3 }
    }
}

/// Cuts the power, continues, and reports which promise was broken. `cuts` says how many cuts this was.
fn survives(workload: &Workload, recording: &Recording, cut: &Cut, cuts: u64) -> Result<(), String> {
    let mut random = fastrand::Rng::with_seed(cut.seed);
    let mut stage = Stage::after(recording, cut.at, cut.fate, &mut random);
    sound::is_whole(&stage)?;
    if cut.is_cut_again {
        stage.record();
        (workload.resume)(&stage)?;
        let recording = stage.recording();
        let at = random.usize(..=recording.operations.len());
        let cut = Cut { at, fate: Fate::choose(&mut random), seed: random.u64(..), is_cut_again: false };
        return survives(workload, &recording, &cut, cuts + 1)
            .map_err(|promise| format!("cut again at {at}, {:?}: {promise}", cut.fate));
    }
    (workload.resume)(&stage)?;
    sound::all_can_be_read(&stage.database())?;
    (workload.judge)(&stage, cuts)
}

/// Lets a workload work, with these variables.
fn record(workload: &Workload, variables: &[Variable], kill: &str) -> Recording {
    let stage = Stage::new(variables);
    (workload.record)(&stage, kill);
    stage.recording()
}

/// About as many operations as one process does.
const OPERATIONS: u64 = 300;

/// `FLOWKIT_CUTS=2000` makes it longer.
#[test]
fn r47_nothing_that_was_acknowledged_is_lost_or_done_again_over_two_hundred_power_cuts() {
    let seed = seed();
    let mut random = fastrand::Rng::with_seed(seed);
    let recordings = workloads::ALL
        .each_ref()
        .map(|workload| record(workload, &[], &format!("any:{}", random.u64(1..=OPERATIONS))));
    let cuts = times("FLOWKIT_CUTS", 200).next_multiple_of(recordings.len() as u64);
    let each_has = cuts / recordings.len() as u64;
    let broken = Mutex::new(Vec::new());
    each(cuts, |number| {
        let (index, number) = ((number / each_has) as usize, number % each_has);
        let (workload, recording) = (&workloads::ALL[index], &recordings[index]);
        let of = recording.operations.len();
        let cut = Cut::choose(number, each_has, of, seed);
        if let Err(promise) = survives(workload, recording, &cut, 1) {
            let (name, at, fate) = (workload.name, cut.at, cut.fate);
            broken
                .lock()
                .unwrap()
                .push(format!("{name}, cut at {at} of {of} operations, {fate:?}: {promise}"));
        }
    });
    let operations: usize = recordings.iter().map(|recording| recording.operations.len()).sum();
    let broken = broken.into_inner().unwrap();
    println!("{cuts} power cuts in {operations} operations, {} broken promises", broken.len());
    assert!(broken.is_empty(), "{broken:#?}");
}
