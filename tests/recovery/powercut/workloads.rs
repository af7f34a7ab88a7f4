//! What programs do while the power is cut, how they continue when it is back, and what must hold in the end.

use std::process::Stdio;

use super::lasting;
use super::stage::Stage;
use crate::kit::{SLOTS, succeeds};

pub(super) struct Workload {
    pub(super) name: &'static str,
    /// Works on an empty disk, recorded. Where the first process is to be killed, it is right after this operation, such as
    /// `any:7` or `rename:1`.
    pub(super) record: fn(&Stage, &str),
    /// Continues until all is done.
    pub(super) resume: fn(&Stage) -> Result<(), String>,
    /// Says which promise was broken over so many power cuts.
    pub(super) judge: fn(&Stage, u64) -> Result<(), String>,
}

/// More than the 256 KiB up to which a result is stored in the database itself.
const LARGE: u64 = 270_000;
/// Nothing becomes poison here, however often the power is cut.
const NO_POISON: u64 = 1000;

const SMALL: [u64; 5] = [20, SLOTS, 0, NO_POISON, 1];
const FILES: [u64; 5] = [6, SLOTS, LARGE, NO_POISON, 1];
const PUBLISHED: [u64; 2] = [0, 4];

/// Results in the database, sub-flows, payments under idempotency keys, tasks that run at most once.
pub(super) const SMALL_RESULTS: Workload = Workload {
    name: "small results",
    record: |stage, _| works(stage, "squares", &SMALL),
    resume: |stage| goes_on(stage, "squares", &SMALL),
    judge: |stage, cuts| stage.folder().find(SMALL[0], cuts).map(drop),
};

/// The same with results that are files, named by their hash.
pub(super) const RESULTS_IN_FILES: Workload = Workload {
    name: "results in files",
    record: |stage, _| works(stage, "squares", &FILES),
    resume: |stage| goes_on(stage, "squares", &FILES),
    judge: |stage, cuts| stage.folder().find(FILES[0], cuts).map(drop),
};

/// A process that is killed, and another one that resumes its run before the power is cut.
pub(super) const FILES_AFTER_A_KILL: Workload = Workload {
    name: "results in files, after a kill",
    record: |stage, kill| {
        is_killed(stage, "squares", &FILES, kill);
        works(stage, "squares", &FILES);
    },
    resume: |stage| goes_on(stage, "squares", &FILES),
    judge: |stage, cuts| stage.folder().find(FILES[0], 1 + cuts).map(drop),
};

/// Artifacts, outputs and cached results in a run with a key, in a process that is killed and another one that resumes it.
pub(super) const PUBLISHED_AFTER_A_KILL: Workload = Workload {
    name: "artifacts, outputs and a cache, after a kill",
    record: |stage, kill| {
        is_killed(stage, "lasting", &PUBLISHED, kill);
        works(stage, "lasting", &PUBLISHED);
    },
    resume: |stage| goes_on(stage, "lasting", &PUBLISHED),
    judge: |stage, _| lasting::judge(stage, 0..PUBLISHED[1]),
};

/// Two runs, the first of which is pruned with its files.
pub(super) const FORGOTTEN: Workload = Workload {
    name: "forgotten",
    record: |stage, _| {
        works(stage, "lasting", &[0, 2]);
        works(stage, "lasting", &[202, 2]);
        works(stage, "forget", &[]);
    },
    resume: |stage| goes_on(stage, "lasting", &[202, 2]).and_then(|()| goes_on(stage, "forget", &[])),
    judge: |stage, _| lasting::judge(stage, 202..204),
};

pub(super) const ALL: [Workload; 8] = [
    SMALL_RESULTS,
    RESULTS_IN_FILES,
    FILES_AFTER_A_KILL,
    PUBLISHED_AFTER_A_KILL,
    Workload {
        name: "suspended and resumed",
        record: |stage, _| {
            works(stage, "lasting", &[0, 5, 4]);
            works(stage, "lasting", &[0, 5]);
        },
        resume: |stage| goes_on(stage, "lasting", &[0, 5]),
        judge: |stage, _| lasting::judge(stage, 0..5),
    },
    Workload {
        name: "done again",
        record: |stage, _| {
            works(stage, "lasting", &[0, 3]);
            works(stage, "anew", &[]);
        },
        resume: |stage| goes_on(stage, "lasting", &[0, 3]),
        judge: |stage, _| lasting::judge(stage, 0..3),
    },
    FORGOTTEN,
    // Two processes on one database, which look up the same words.
    Workload {
        name: "two processes",
        record: |stage, _| {
            let programs = TWO.map(|of| {
                let mut program = stage.program("lasting", &of);
                program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
            });
            for mut program in programs {
                assert!(program.wait().unwrap().success());
            }
        },
        resume: |stage| TWO.iter().try_for_each(|of| goes_on(stage, "lasting", of)),
        judge: |stage, _| lasting::judge(stage, 0..3).and_then(|()| lasting::judge(stage, 100..103)),
    },
];

const TWO: [[u64; 2]; 2] = [[0, 3], [100, 3]];

/// Runs the program to its good end, recorded.
fn works(stage: &Stage, what: &str, numbers: &[u64]) {
    succeeds(&mut stage.program(what, numbers));
}

/// Runs the program until it is killed, or ends before that.
fn is_killed(stage: &Stage, what: &str, numbers: &[u64], kill: &str) {
    stage.program(what, numbers).env("RECORD_KILL", kill).output().unwrap();
}

/// Runs the program to its end, which has to be a good one.
fn goes_on(stage: &Stage, what: &str, numbers: &[u64]) -> Result<(), String> {
    let output = stage.program(what, numbers).output().unwrap();
    if output.status.success() {
        return Ok(());
    }
    Err(format!("`{what}` does not go on ({}): {}", output.status, String::from_utf8_lossy(&output.stderr)))
}
