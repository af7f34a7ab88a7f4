//! R20, R22, R37: a disk that is full, slow, or not ours to write. The faults come from `programs/faults.c`.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use flowkit::model::State;
use flowkit::store::{FlowRunFilter, History};

use crate::kit::{Folder, Found, each, succeeds, times};

/// Compiles the faults, once for all tests of a process.
fn faults() -> &'static Path {
    static FAULTS: OnceLock<PathBuf> = OnceLock::new();
    FAULTS.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/faults.c");
        let library =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("faults-{}.so", std::process::id()));
        let mut compiler = Command::new("cc");
        succeeds(compiler.args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).arg("-ldl"));
        library
    })
}

/// Runs the program with faults for the files below `<folder>/disk`.
fn with_faults(folder: &Folder, what: &str, numbers: &[u64]) -> Command {
    let disk = folder.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mut command = folder.kit(what, numbers);
    command.env("LD_PRELOAD", faults()).env("FAULTS_FOLDER", &disk);
    command.env("FLOWKIT_TEST_DATABASE", disk.join("runs.db"));
    command
}

const PAIRS: u64 = 12;
/// Larger than what the program keeps in the database itself, so that files are cut off too.
const LARGE: u64 = 40_000;
/// More than the program writes in all: the last trials are of a disk that is just large enough.
const ENOUGH_BYTES: u64 = 1_400_000;

/// Returns whether the disk was full before the program had ended.
fn starves(bytes: u64) -> bool {
    let folder = Folder::new();
    let mut program = with_faults(&folder, "starved", &[PAIRS, LARGE]);
    program.env("FAULTS_BYTES", bytes.to_string()).env("FAULTS_ROOM", folder.path().join("room"));
    let output = succeeds(&mut program);
    let said = String::from_utf8_lossy(&output.stdout);
    for line in said.lines() {
        assert!(line.starts_with("full") && line.contains("disk"), "{bytes} bytes: {line}");
        assert!(line.contains("is full") || line.contains("No space left"), "{bytes} bytes: {line}");
    }
    // Nothing that was relied on ran again, although the same process continued.
    let found = Found::read(&folder.notes());
    assert_eq!(found.sum, Some((0..PAIRS).map(|k| k * k + 1).sum()));
    !said.is_empty()
}

/// `FLOWKIT_SPOTS=2000` tests more of them.
#[test]
fn r20_a_disk_that_is_full_at_any_of_two_hundred_bytes_loses_nothing_and_all_goes_on_when_there_is_room() {
    let spots = times("FLOWKIT_SPOTS", 200);
    let full = std::sync::atomic::AtomicU64::new(0);
    each(spots, |number| {
        let was_full = starves(number * ENOUGH_BYTES / spots);
        full.fetch_add(u64::from(was_full), std::sync::atomic::Ordering::Relaxed);
    });
    let full = full.into_inner();
    println!("the disk was full in {full} of {spots} trials");
    assert!(full * 10 >= spots * 9, "the program writes less than was thought: {full} of {spots}");
}

#[test]
fn r37_a_slow_disk_costs_time_but_neither_events_nor_memory() {
    // Three events of each task.
    const TASKS: u64 = 33_334;
    let folder = Folder::new();
    let mut program = with_faults(&folder, "many", &[TASKS]);
    let output = succeeds(program.env("FAULTS_SYNC_MS", "50"));
    let grown_kb: u64 = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
    println!("{} events, {} MB more memory", 3 * TASKS + 3, grown_kb >> 10);
    assert!(grown_kb < 200 << 10, "{grown_kb} KB more");
    let store = flowkit::store::SqliteStore::open(folder.path().join("disk/runs.db")).unwrap();
    let run = store.flow_runs(&FlowRunFilter::default(), None, 1).unwrap().runs.remove(0);
    assert_eq!(run.state, State::Completed);
    assert_eq!(store.counts(run.id).unwrap(), [(State::Completed, TASKS)]);
    assert_eq!(store.events(run.id, 0, usize::MAX).unwrap().len() as u64, 3 * TASKS + 3);
}

/// Opens the database as an unprivileged user: root may write everything.
fn opened_by_another(folder: &Folder, program: &Path) -> String {
    const NOBODY: u32 = 65_534;
    let mut command = Command::new(program);
    command.arg("open").arg(folder.path());
    // Only root can become another user; everybody else is one.
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    fs::metadata("/proc/self").unwrap().uid() == 0
}

#[test]
fn r22_what_may_not_be_written_is_refused_in_one_line_with_the_path_and_what_to_do() {
    let folder = Folder::new();
    drop(folder.open());
    // Where every user may start it.
    let program = folder.path().join("testkit");
    fs::copy(env!("CARGO_BIN_EXE_testkit"), &program).unwrap();
    let before = fs::read(folder.database()).unwrap();
    let modes = [
        ("read-only folder", 0o555, 0o444),
        ("read-only file", 0o1777, 0o444),
        ("no permission", 0o1777, 0o000),
    ];
    for (what, of_folder, of_file) in modes {
        fs::set_permissions(folder.database(), fs::Permissions::from_mode(of_file)).unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(of_folder)).unwrap();
        let said = opened_by_another(&folder, &program);
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        assert_eq!(said.lines().count(), 1, "{what}: {said}");
        assert!(said.contains("runs.db") && said.contains("permissions"), "{what}: {said}");
    }
    fs::set_permissions(folder.database(), fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(fs::read(folder.database()).unwrap(), before);
}
