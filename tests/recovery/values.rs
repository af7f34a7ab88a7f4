//! R09: results that are files, when the process is killed while it writes them.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use flowkit::model::TaskRunId;
use flowkit::store::{FlowRunFilter, History, RunLog, SqliteStore, TaskRunFilter};

use crate::kit::{Folder, each, kill, seed, succeeds, times, watch};

const PAIRS: u64 = 8;
/// More than the 256 KiB up to which a result is stored in the database itself.
const LARGE: u64 = 270_000;

/// Reads every result to which a row points, which checks that its file exists and is intact. Returns their number.
fn read_all(store: &SqliteStore) -> usize {
    let mut all = FlowRunFilter::default();
    all.sub_flows = true;
    let mut read = 0;
    for run in store.flow_runs(&all, None, usize::MAX).unwrap().runs {
        let rows = store.task_runs(run.id, &TaskRunFilter::default(), TaskRunId::FLOW, usize::MAX).unwrap();
        for row in rows.iter().filter(|row| row.has_result) {
            let result = store.result(run.id, row.id);
            assert!(matches!(result, Ok(Some(_))), "{}: {result:?}", row.label());
            read += usize::from(row.task == "work");
        }
    }
    read
}

/// The content of the folder of values.
fn files(folder: &Folder) -> BTreeSet<PathBuf> {
    let list = |path: PathBuf| fs::read_dir(path).into_iter().flatten().map(|entry| entry.unwrap().path());
    let (shelves, drafts): (Vec<_>, Vec<_>) =
        list(folder.path().join("runs.db.values")).partition(|path| path.is_dir());
    shelves.into_iter().flat_map(list).chain(drafts).collect()
}

fn trial(random: &mut fastrand::Rng) {
    let folder = Folder::new();
    let mut program = folder.squares(PAIRS, LARGE).spawn().unwrap();
    // A few results are being written all the time.
    watch(&mut program, &folder, random.u64(0..2 * PAIRS));
    std::thread::sleep(Duration::from_micros(random.u64(0..5000)));
    kill(program);
    read_all(&folder.open());
    succeeds(&mut folder.squares(PAIRS, LARGE));
    // What the death has left behind is swept when it is old.
    for file in files(&folder) {
        let opened = File::options().write(true).open(file).unwrap();
        opened.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    assert_eq!(read_all(&folder.open()), PAIRS as usize);
    let left = files(&folder);
    assert_eq!(left.len() as u64, PAIRS, "{left:?}");
}

/// `FLOWKIT_KILLS=1000` makes it longer.
#[test]
fn r09_no_row_points_to_a_file_that_is_missing_or_cut_off_over_a_hundred_kills() {
    let seed = seed();
    each(times("FLOWKIT_KILLS", 100), |number| trial(&mut fastrand::Rng::with_seed(seed ^ number)));
}
