//! The program that began a run: its file, by which it is known at once, and the digest of that, which takes a moment for a
//! large one. It is computed on a thread of its own, once in a process, and never again for a file that has one.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use rusqlite::{Connection, OptionalExtension, params};

use super::writer::Writer;
use super::{clock, codes};
use crate::model::{Digest, WallTime};

/// A process that lives shorter than this does not read its program, unless its command line asks for it: tests of a library
/// would read a hundred megabytes each.
const READ_AFTER: Duration = Duration::from_secs(1);
/// How long closing waits for a digest that is being computed.
const CLOSING_WAIT: Duration = Duration::from_millis(200);

/// The file of this process.
struct ProgramFile {
    path: PathBuf,
    shown: String,
    modified_at: i64,
    bytes: i64,
}

impl ProgramFile {
    fn of_this_process() -> Option<&'static Self> {
        static THIS: OnceLock<Option<ProgramFile>> = OnceLock::new();
        THIS.get_or_init(|| {
            let path = std::env::current_exe().ok()?;
            let metadata = fs::metadata(&path).ok()?;
            Some(Self {
                shown: codes::text(&path.to_string_lossy()).into_owned(),
                modified_at: metadata.modified().map_or(0, |at| WallTime::from(at).as_micros()),
                bytes: i64::try_from(metadata.len()).unwrap_or(i64::MAX),
                path,
            })
        })
        .as_ref()
    }

    /// Reads the file: about 50 ms for 100 MB.
    fn digest(&self) -> Option<Digest> {
        static DIGEST: OnceLock<Option<Digest>> = OnceLock::new();
        *DIGEST.get_or_init(|| {
            let (mut file, mut hasher) = (File::open(&self.path).ok()?, blake3::Hasher::new());
            let mut buffer = vec![0; 256 << 10];
            loop {
                match file.read(&mut buffer).ok()? {
                    0 => break,
                    read => hasher.update(&buffer[..read]),
                };
            }
            Some(Digest::from_bytes(*hasher.finalize().as_bytes()))
        })
    }
}

/// Finds the row of this program, and makes one if there is none; `true` if its digest is not known yet.
pub(super) fn row(connection: &Connection, revision: Option<&str>) -> rusqlite::Result<Option<(i64, bool)>> {
    let Some(file) = ProgramFile::of_this_process() else { return Ok(None) };
    let revision = revision.map(codes::text);
    let wording = params![file.shown, file.modified_at, file.bytes, revision];
    let known = connection
        .prepare_cached(
            "SELECT no, digest IS NULL FROM programs WHERE file = ?1 AND modified_at = ?2 AND bytes = ?3 AND revision IS ?4",
        )?
        .query_row(wording, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    if known.is_some() {
        return Ok(known);
    }
    connection
        .prepare_cached(
            "INSERT INTO programs (file, modified_at, bytes, revision, digest) VALUES (?1, ?2, ?3, ?4,
                 (SELECT digest FROM programs WHERE file = ?1 AND modified_at = ?2 AND bytes = ?3))
             RETURNING no, digest IS NULL",
        )?
        .query_row(wording, |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// How far the digest of the program has come.
#[derive(Default)]
pub(super) enum ProgramDigest {
    /// No run has needed it.
    #[default]
    NotNeeded,
    /// It is read at this moment, if the process lives as long.
    Due(Instant),
    Computing(Receiver<Digest>),
    /// It is written, or cannot be read.
    Done,
}

impl ProgramDigest {
    pub(super) fn is_pending(&self) -> bool {
        matches!(self, Self::Due(_) | Self::Computing(_))
    }
}

impl Writer {
    /// A run has begun whose program has no digest.
    pub(super) fn need_program_digest(&mut self) {
        if matches!(self.program_digest, ProgramDigest::NotNeeded) {
            let after = if self.settings.reads_program_at_once { Duration::ZERO } else { READ_AFTER };
            self.program_digest = ProgramDigest::Due(clock::now() + after);
            self.proceed_with_program_digest(Duration::ZERO);
        }
    }

    /// Starts to compute the digest if it is due, and writes it if it is there within `wait`.
    pub(super) fn proceed_with_program_digest(&mut self, wait: Duration) {
        if let ProgramDigest::Due(at) = self.program_digest
            && clock::now() >= at
        {
            self.program_digest = start().map_or(ProgramDigest::Done, ProgramDigest::Computing);
        }
        let ProgramDigest::Computing(digest) = &self.program_digest else { return };
        let received = digest.recv_timeout(wait);
        let Ok(digest) = received else {
            if received == Err(std::sync::mpsc::RecvTimeoutError::Disconnected) {
                self.program_digest = ProgramDigest::Done;
            }
            return;
        };
        self.program_digest = ProgramDigest::Done;
        let Some(file) = ProgramFile::of_this_process() else { return };
        let written = self.transact(|connection, _| {
            connection.execute(
                "UPDATE programs SET digest = ?4 WHERE file = ?1 AND modified_at = ?2 AND bytes = ?3 AND digest IS NULL",
                params![file.shown, file.modified_at, file.bytes, digest.as_bytes()],
            )
        });
        if let Err(error) = written {
            tracing::debug!(%error, "the digest of the program could not be written");
        }
    }

    /// Writes a digest that is nearly there.
    pub(super) fn finish_program_digest(&mut self) {
        if std::mem::take(&mut self.interned.needs_program_digest) {
            self.need_program_digest();
        }
        if matches!(self.program_digest, ProgramDigest::Computing(_)) {
            self.proceed_with_program_digest(CLOSING_WAIT);
        }
    }
}

fn start() -> Option<Receiver<Digest>> {
    let file = ProgramFile::of_this_process()?;
    let (sender, receiver) = sync_channel(1);
    let compute = move || {
        if let Some(digest) = file.digest() {
            // The store may be closed.
            let _ = sender.send(digest);
        }
    };
    std::thread::Builder::new().name("flowkit-digest".to_owned()).spawn(compute).ok()?;
    Some(receiver)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ProgramDigest, ProgramFile};
    use crate::store::RunLog as _;
    use crate::store::contract::StorePlace;
    use crate::store::contract::script::*;
    use crate::store::sqlite::SqliteStore;
    use crate::store::sqlite::tests::OnDisk;

    /// Waits for as long as it takes, and tells whether the digest had to be computed.
    fn computes(store: &SqliteStore) -> bool {
        store
            .ask(|writer| {
                let is_needed = std::mem::take(&mut writer.interned.needs_program_digest)
                    || !matches!(writer.program_digest, ProgramDigest::NotNeeded);
                writer.settings.reads_program_at_once = true;
                if is_needed {
                    writer.program_digest = ProgramDigest::NotNeeded;
                    writer.need_program_digest();
                    writer.proceed_with_program_digest(Duration::from_secs(3600));
                }
                Ok(is_needed)
            })
            .unwrap()
    }

    #[test]
    fn a_run_records_the_digest_of_its_program_which_is_computed_once_for_a_build() {
        let mut place = OnDisk::new();
        let run = Script::begin(place.store());
        assert!(computes(place.store.as_ref().unwrap()));
        let digest = ProgramFile::of_this_process().unwrap().digest();
        assert!(digest.is_some());
        assert_eq!(flow_row(place.store(), run.id()).program, digest);
        // Another process of the same program.
        place.crash();
        let next = Script::begin(place.store());
        assert!(!computes(place.store.as_ref().unwrap()));
        assert_eq!(place.store().flow_run(next.id()).unwrap().unwrap().program, digest);
    }

    #[test]
    fn a_short_process_of_a_library_does_not_read_its_program() {
        let place = OnDisk::new();
        let store = place.store.as_ref().unwrap();
        Script::begin(store);
        store.flush().unwrap();
        let is_due = store.ask(|writer| {
            writer.look_after(true);
            Ok(matches!(writer.program_digest, ProgramDigest::Due(_)))
        });
        assert!(is_due.unwrap());
    }
}
