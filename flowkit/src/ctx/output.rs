//! Files that are there whole or not at all: [`Output::atomic`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::failpoint;
use crate::store::disk::sync_folder;

/// A file that is being written beside the place where it shall be, and takes that place when it is finished.
///
/// A reader of the path sees what was there before, or the whole new file, also when the process is killed: so a task
/// that runs again leaves the same. Dropped before [`commit`](Self::commit), as by `?` in the middle, it leaves nothing. A
/// killed process may leave the draft, `.<name>.<id>.draft` in the same folder; nobody reads it.
///
/// ```
/// use flowkit::Output;
/// use std::io::Write;
///
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("report.csv");
/// let mut report = Output::atomic(&path)?;
/// writeln!(report, "name,rows")?;
/// assert!(!path.exists());
/// report.commit()?;
/// assert_eq!(std::fs::read_to_string(&path)?, "name,rows\n");
/// # Ok::<(), std::io::Error>(())
/// ```
#[must_use = "an output that is not committed leaves nothing"]
#[derive(Debug)]
pub struct Output {
    place: PathBuf,
    draft: PathBuf,
    file: BufWriter<File>,
    is_committed: bool,
}

impl Output {
    /// Begins to write what shall be at `path`. Its folder must be there; code that has just created it brings its name to the
    /// disk, or a power cut may take it with all that is in it.
    ///
    /// # Errors
    ///
    /// If nothing can be written into the folder.
    pub fn atomic(path: impl Into<PathBuf>) -> io::Result<Self> {
        let place = path.into();
        let name = place.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.ok_or_else(|| io::Error::other(format!("`{}` names no file", place.display())))?;
        // Beside it, not in a folder for temporary files: only within a file system a rename is all or nothing. A name of
        // its own, since an attempt that could not be stopped may still write to the one before.
        let draft = place.with_file_name(format!(".{name}.{}.draft", uuid::Uuid::now_v7().simple()));
        let file = OpenOptions::new().write(true).create_new(true).open(&draft);
        let file = file.map_err(|error| about(&place, &error))?;
        Ok(Self { place, draft, file: BufWriter::new(file), is_committed: false })
    }

    /// Returns the path of the draft, for a library that wants to write to a path itself.
    pub fn draft(&self) -> &Path {
        &self.draft
    }

    /// Puts the file in its place, and returns the path. It survives a power cut there; on Windows, one that comes within
    /// moments may take it.
    ///
    /// # Errors
    ///
    /// If it cannot be written; then what was there before is still there. Only where the disk fails in the very end, the
    /// new file may be there, and a power cut may bring the old one back.
    pub fn commit(mut self) -> io::Result<PathBuf> {
        self.put_in_place().map_err(|error| about(&self.place, &error))?;
        self.is_committed = true;
        Ok(std::mem::take(&mut self.place))
    }

    fn put_in_place(&mut self) -> io::Result<()> {
        self.file.flush()?;
        if let Ok(before) = fs::metadata(&self.place) {
            fs::set_permissions(&self.draft, before.permissions())?;
        }
        // Opened anew: the writer of the path may have put another file there.
        let file = OpenOptions::new().write(true).open(&self.draft)?;
        if !failpoint::breaks("no-output-sync") {
            file.sync_all()?;
        }
        failpoint::hit("mid-output-rename")?;
        fs::rename(&self.draft, &self.place)?;
        let folder = self.place.parent().filter(|folder| !folder.as_os_str().is_empty());
        sync_folder(folder.unwrap_or(Path::new(".")))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        if !self.is_committed {
            // There may be none any more, and there is nobody to tell.
            let _ = fs::remove_file(&self.draft);
        }
    }
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}` cannot be written: {error}", path.display()))
}
