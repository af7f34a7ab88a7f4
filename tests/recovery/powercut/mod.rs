//! R47: power cuts. What programs do to a disk is recorded, and what a cut at any operation may leave of it is where the next
//! process begins.
//!
//! ```text
//! programs/recorder.c ──► record ──► disk: safe, and done since ──► cut: what chance leaves ──► stage: a folder
//!                                      └► marks: what the world knew by then          sound, workloads: is all still true?
//! ```

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
use self::stage::{Recording, Stage};
use self::workloads::Workload;
use crate::kit::{each, seed, times};

/// So many of the first operations make the database.
const CREATION: usize = 120;

/// One power cut.
struct Cut {
    at: usize,
    fate: Fate,
    seed: u64,
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
        Self { at, fate: Fate::choose(&mut random), seed: random.u64(..) }
    }
}

/// Cuts the power, goes on, and says which promise was broken.
fn survives(workload: &Workload, recording: &Recording, cut: &Cut) -> Result<(), String> {
    let stage = Stage::after(recording, cut.at, cut.fate, &mut fastrand::Rng::with_seed(cut.seed));
    sound::is_whole(&stage)?;
    (workload.resume)(&stage)?;
    sound::all_can_be_read(&stage.database())?;
    (workload.judge)(&stage)
}

/// `FLOWKIT_CUTS=2000` makes it longer.
#[test]
fn r47_nothing_that_was_acknowledged_is_lost_or_done_again_over_two_hundred_power_cuts() {
    let seed = seed();
    let recordings: Vec<Recording> = workloads::ALL
        .iter()
        .map(|workload| {
            let stage = Stage::new();
            (workload.record)(&stage, &mut fastrand::Rng::with_seed(seed));
            stage.recording()
        })
        .collect();
    let cuts = times("FLOWKIT_CUTS", 200).next_multiple_of(workloads::ALL.len() as u64);
    let each_has = cuts / workloads::ALL.len() as u64;
    let broken = Mutex::new(Vec::new());
    each(cuts, |number| {
        let (index, number) = ((number / each_has) as usize, number % each_has);
        let (workload, recording) = (&workloads::ALL[index], &recordings[index]);
        let cut = Cut::choose(number, each_has, recording.operations.len(), seed);
        if let Err(promise) = survives(workload, recording, &cut) {
            let of = recording.operations.len();
            broken.lock().unwrap().push(format!(
                "{}, cut at {} of {of} operations, {:?}: {promise}",
                workload.name, cut.at, cut.fate
            ));
        }
    });
    let operations: usize = recordings.iter().map(|recording| recording.operations.len()).sum();
    let broken = broken.into_inner().unwrap();
    println!("{cuts} power cuts in {operations} operations, {} broken promises", broken.len());
    assert!(broken.is_empty(), "{broken:#?}");
}
