//! A folder in which programs work while their operations are recorded, and the folder as it is when the power is back.
//!
//! `<folder>/disk` is what loses power. Beside it lies what the world knows: notes and payments, which a cut cannot take back.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::SystemTime;

use super::cut::{Fate, Left, cut};
use super::disk::{Disk, NodeId};
use super::record::{self, Operation};
use crate::kit::{Folder, succeeds};

/// What happened on a disk, from an empty folder on.
pub(super) struct Recording {
    pub(super) root: u64,
    pub(super) operations: Vec<Operation>,
}

/// A variable for the programs that are recorded.
pub(super) type Variable = (&'static str, &'static str);

pub(super) struct Stage {
    folder: Folder,
    variables: Vec<Variable>,
}

/// Compiles the recorder, once for all tests of a process.
fn recorder() -> &'static Path {
    static RECORDER: OnceLock<PathBuf> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/recorder.c");
        let library =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("recorder-{}.so", std::process::id()));
        let mut compiler = Command::new("cc");
        succeeds(compiler.args(["-shared", "-fPIC", "-O1", "-o"]).args([&library, &source]).arg("-ldl"));
        library
    })
}

impl Stage {
    /// An empty disk.
    pub(super) fn new(variables: &[Variable]) -> Self {
        let stage = Self { folder: Folder::new(), variables: variables.to_vec() };
        fs::create_dir(stage.disk()).unwrap();
        stage
    }

    /// The disk as a power cut after these operations leaves it, and what the world knew by then.
    pub(super) fn after(recording: &Recording, at: usize, fate: Fate, random: &mut fastrand::Rng) -> Self {
        let stage = Self { folder: Folder::new(), variables: Vec::new() };
        let before = &recording.operations[..at];
        let left = cut(&Disk::after(recording.root, before), fate, random);
        write(&stage.disk(), &left, &mut HashMap::new());
        for (file, bytes) in record::marks(before) {
            fs::write(stage.folder.path().join(file), bytes).unwrap();
        }
        // The machine has started anew.
        fs::write(stage.boot_id(), format!("after-a-power-cut-{at}")).unwrap();
        stage
    }

    pub(super) fn folder(&self) -> &Folder {
        &self.folder
    }

    fn path(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    pub(super) fn disk(&self) -> PathBuf {
        self.path().join("disk")
    }

    pub(super) fn database(&self) -> PathBuf {
        self.disk().join("runs.db")
    }

    fn boot_id(&self) -> PathBuf {
        self.path().join("boot_id")
    }

    /// Prepares to start the program. Nothing of it waits for a real disk.
    pub(super) fn program(&self, what: &str, numbers: &[u64]) -> Command {
        let mut command = self.folder.kit(what, numbers);
        command.env("LD_PRELOAD", recorder()).env("RECORD_FOLDER", self.disk());
        command.env("FLOWKIT_TEST_DATABASE", self.database());
        if self.boot_id().exists() {
            command.env("RECORD_BOOT_ID", self.boot_id());
        }
        command
    }

    /// The same, to be recorded.
    pub(super) fn recorded(&self, what: &str, numbers: &[u64]) -> Command {
        let mut command = self.program(what, numbers);
        command.env("RECORD_LOG", self.record()).env("RECORD_MARKS", self.path());
        command.envs(self.variables.iter().copied());
        command
    }

    fn record(&self) -> PathBuf {
        self.path().join("record")
    }

    /// What the programs have done.
    ///
    /// # Panics
    ///
    /// If the record does not lead to what is on the disk: then the recorder has missed something.
    pub(super) fn recording(&self) -> Recording {
        let root = fs::metadata(self.disk()).unwrap().ino();
        let operations = record::read(&fs::read(self.record()).unwrap());
        let all = cut(&Disk::after(root, &operations), Fate::Everything, &mut fastrand::Rng::with_seed(0));
        let has_lost = operations.iter().any(|operation| matches!(operation, Operation::Lose { .. }));
        let is_complete = has_lost || digest(&all, "") == read(&self.disk());
        assert!(is_complete, "the recorder has missed something: {:?}", read(&self.disk()));
        Recording { root, operations }
    }
}

/// SQLite's index of the log: it is mapped, nobody syncs it, and it is made anew from the log.
fn is_index(name: &str) -> bool {
    name.ends_with("-shm")
}

/// Writes what is left into a new folder. All of it is old, so that whatever sweeps takes all that it may.
fn write(folder: &Path, left: &BTreeMap<String, Left>, known: &mut HashMap<NodeId, PathBuf>) {
    fs::create_dir(folder).unwrap();
    for (name, left) in left.iter().filter(|(name, _)| !is_index(name)) {
        let path = folder.join(name);
        match left {
            Left::Folder(names) => write(&path, names, known),
            Left::File(node, content) => match known.get(node) {
                Some(other) => fs::hard_link(other, &path).unwrap(),
                None => {
                    fs::write(&path, content).unwrap();
                    let file = File::options().write(true).open(&path).unwrap();
                    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
                    known.insert(*node, path);
                }
            },
        }
    }
}

/// The paths of all files below a folder, with their lengths and hashes.
type Files = BTreeMap<String, (usize, u64)>;

fn hash(content: &[u8]) -> (usize, u64) {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    content.hash(&mut hasher);
    (content.len(), hasher.finish())
}

fn digest(left: &BTreeMap<String, Left>, below: &str) -> Files {
    let names = left.iter().filter(|(name, _)| !is_index(name));
    names
        .flat_map(|(name, left)| match left {
            Left::File(_, content) => Files::from([(format!("{below}{name}"), hash(content))]),
            Left::Folder(names) => digest(names, &format!("{below}{name}/")),
        })
        .collect()
}

fn read(folder: &Path) -> Files {
    let mut files = Files::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.path().is_dir() {
            let below = read(&entry.path());
            files.extend(below.into_iter().map(|(path, hash)| (format!("{name}/{path}"), hash)));
        } else if !is_index(&name) {
            files.insert(name, hash(&fs::read(entry.path()).unwrap()));
        }
    }
    files
}
