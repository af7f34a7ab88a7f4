//! The files that a value describes, such as a `Dataset`: collected while the value is serialized.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::model::Digest;

thread_local! {
    /// The files in the value that is being serialized on this thread, if they are being collected.
    static DESCRIBED: RefCell<Option<Vec<Described>>> = const { RefCell::new(None) };
}

/// A file that a value describes.
pub(crate) struct Described {
    path: PathBuf,
    hash: Digest,
    bytes: u64,
}

impl Described {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file exists with the described content. It is read for that, which blocks.
    pub(crate) fn is_there(&self) -> bool {
        digest_of(&self.path).is_ok_and(|found| found == (self.hash, self.bytes))
    }
}

/// Returns the files that a value describes, which `serialize` serializes.
pub(crate) fn described<R>(serialize: impl FnOnce() -> R) -> Vec<Described> {
    /// Also if `serialize` panics: later values are not collected.
    struct Collecting;

    impl Drop for Collecting {
        fn drop(&mut self) {
            DESCRIBED.take();
        }
    }

    DESCRIBED.set(Some(Vec::new()));
    let collecting = Collecting;
    serialize();
    let files = DESCRIBED.take().unwrap_or_default();
    drop(collecting);
    files
}

/// Adds a file while the value that describes it is serialized, if files are being collected on this thread.
pub(crate) fn note(path: &Path, hash: Digest, bytes: u64) {
    DESCRIBED.with_borrow_mut(|described| {
        if let Some(described) = described {
            described.push(Described { path: path.to_owned(), hash, bytes });
        }
    });
}

/// Returns the hash and the length of a file's content.
pub(crate) fn digest_of(path: &Path) -> io::Result<(Digest, u64)> {
    let mut file = File::open(path)?;
    let mut hasher = blake3::Hasher::new();
    let mut part = vec![0; 64 << 10];
    loop {
        match file.read(&mut part) {
            Ok(0) => return Ok((Digest::from_bytes(*hasher.finalize().as_bytes()), hasher.count())),
            Ok(len) => drop(hasher.update(&part[..len])),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}
