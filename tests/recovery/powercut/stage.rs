//! A folder in which programs work while their operations are recorded, and the folder as it is after a power cut.
//!
//! `<folder>/disk` is what loses power. Beside it is what the outside knows: notes and payments, which a cut cannot undo.

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

/// What happened on a disk.
pub(super) struct Recording {
    /// The disk before.
    pub(super) start: Disk,
    /// What the world knew before.
    told: Told,
    pub(super) operations: Vec<Operation>,
    /// How often the power was cut before.
    cuts: u32,
}

/// The files beside the disk.
type Told = BTreeMap<String, Vec<u8>>;

/// A variable for the programs that are recorded.
pub(super) type Variable = (&'static str, &'static str);

pub(super) struct Stage {
    folder: Folder,
    start: Disk,
    told: Told,
    /// Whether programs are recorded, and with which variables.
    recorded: Option<Vec<Variable>>,
    /// How often the power was cut.
    cuts: u32,
}

/// So long the machine is off, in seconds: longer than the lease of an owner, which decides where its lock says nothing.
const OFF: u32 = 60;

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
    /// An empty disk, on which programs are recorded.
    pub(super) fn new(variables: &[Variable]) -> Self {
        let folder = Folder::new();
        let disk = folder.path().join("disk");
        fs::create_dir(&disk).unwrap();
        Self {
            folder,
            start: as_it_is(&disk),
            told: Told::new(),
            recorded: Some(variables.to_vec()),
            cuts: 0,
        }
    }

    /// The disk as a power cut after so many operations leaves it, and what the world knew by then.
    pub(super) fn after(recording: &Recording, at: usize, fate: Fate, random: &mut fastrand::Rng) -> Self {
        let folder = Folder::new();
        let before = &recording.operations[..at];
        let left = cut(&recording.start.clone().after(before), fate, random);
        write(&folder.path().join("disk"), &left, &mut HashMap::new());
        let mut told = recording.told.clone();
        for (file, bytes) in record::marks(before) {
            told.entry(file.to_owned()).or_default().extend(bytes);
        }
        for (file, bytes) in &told {
            fs::write(folder.path().join(file), bytes).unwrap();
        }
        let stage = Self { folder, start: Disk::new(0), told, recorded: None, cuts: recording.cuts + 1 };
        // The machine has rebooted.
        fs::write(stage.boot_id(), format!("boot {}", random.u64(..))).unwrap();
        stage
    }

    /// Records programs from here on.
    pub(super) fn record(&mut self) {
        self.start = as_it_is(&self.disk());
        self.recorded = Some(Vec::new());
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

    fn log(&self) -> PathBuf {
        self.path().join("record")
    }

    /// Prepares to start the program. Nothing of it waits for a real disk.
    pub(super) fn program(&self, what: &str, numbers: &[u64]) -> Command {
        let mut command = self.folder.kit(what, numbers);
        command.env("LD_PRELOAD", recorder()).env("RECORD_FOLDER", self.disk());
        command.env("FLOWKIT_TEST_DATABASE", self.database());
        if self.boot_id().exists() {
            command.env("RECORD_BOOT_ID", self.boot_id());
            command.env("RECORD_LATER", (OFF * self.cuts).to_string());
        }
        if let Some(variables) = &self.recorded {
            command.env("RECORD_LOG", self.log()).env("RECORD_MARKS", self.path());
            command.envs(variables.iter().copied());
        }
        command
    }

    /// What the programs have done.
    ///
    /// # Panics
    ///
    /// If the record does not lead to what is on the disk: then the recorder has missed something.
    pub(super) fn recording(self) -> Recording {
        let operations = record::read(&fs::read(self.log()).unwrap());
        let end = self.start.clone().after(&operations);
        let all = cut(&end, Fate::Everything, &mut fastrand::Rng::with_seed(0));
        let has_lost = operations.iter().any(|operation| matches!(operation, Operation::Lose { .. }));
        let is_complete = has_lost || digest(&all, "") == read(&self.disk());
        assert!(is_complete, "the recorder has missed something: {:?}", read(&self.disk()));
        Recording { start: self.start, told: self.told, operations, cuts: self.cuts }
    }
}

/// A folder whose whole content is safe.
fn as_it_is(folder: &Path) -> Disk {
    let mut operations = Vec::new();
    let mut known = HashMap::new();
    make(folder, "", &mut known, &mut operations);
    Disk::new(fs::metadata(folder).unwrap().ino()).after(&operations).synced()
}

/// The operations that would make a folder as it is.
fn make(folder: &Path, below: &str, known: &mut HashMap<u64, String>, operations: &mut Vec<Operation>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let path = format!("{below}{}", entry.file_name().into_string().unwrap());
        let node = entry.metadata().unwrap().ino();
        if entry.path().is_dir() {
            operations.push(Operation::Folder { node, path: path.clone() });
            make(&entry.path(), &format!("{path}/"), known, operations);
        } else if let Some(from) = known.get(&node) {
            operations.push(Operation::Link { from: from.clone(), to: path });
        } else {
            known.insert(node, path.clone());
            operations.push(Operation::Create { node, path });
            let bytes = fs::read(entry.path()).unwrap().into();
            operations.push(Operation::Write { node, at: 0, bytes });
        }
    }
}

/// SQLite's index of the log: it is mapped, never synced, and rebuilt from the log.
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
