//! Files that appear whole or not at all: [`Output::atomic`].

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::failpoint;
use crate::store::disk::sync_folder;

/// A file that is written beside its final path, and moved there when it is complete.
///
/// A reader of the path sees what was there before, or the whole new file, also when the process is killed: so a task that
/// runs again has the same effect. Dropped before [`commit`](Self::commit), for instance by `?` in the middle, it leaves
/// nothing. A killed process may leave the draft, `.<name>.<id>.draft` in the same folder, which can be deleted.
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
    path: PathBuf,
    draft: PathBuf,
    file: BufWriter<File>,
    is_committed: bool,
}

impl Output {
    /// Begins to write the file for `path`. Its folder must exist, and be durable: a power cut may take a folder that was
    /// just created and not synced, with everything in it.
    ///
    /// # Errors
    ///
    /// If nothing can be written into the folder.
    pub fn atomic(path: impl Into<PathBuf>) -> io::Result<Self> {
        let path = path.into();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = name.ok_or_else(|| io::Error::other(format!("`{}` names no file", path.display())))?;
        // Beside it, not in a folder for temporary files: a rename is atomic only within a file system. It has a unique
        // name, since an attempt that could not be stopped may still write to the previous draft.
        let draft = path.with_file_name(format!(".{name}.{}.draft", uuid::Uuid::now_v7().simple()));
        let file = OpenOptions::new().write(true).create_new(true).open(&draft);
        let file = file.map_err(|error| about(&path, &error))?;
        Ok(Self { path, draft, file: BufWriter::new(file), is_committed: false })
    }

    /// Returns the path of the draft, for a library that writes to a path itself.
    pub fn draft(&self) -> &Path {
        &self.draft
    }

    /// Moves the file to its path, and returns the path. It survives a power cut there; on Windows, one that comes within
    /// moments may take it.
    ///
    /// # Errors
    ///
    /// If it cannot be written; then the path has its old content. Only if the disk fails at the very end, the path may
    /// have the new file, and a power cut may bring the old one back.
    pub fn commit(mut self) -> io::Result<PathBuf> {
        self.replace().map_err(|error| about(&self.path, &error))?;
        self.is_committed = true;
        Ok(std::mem::take(&mut self.path))
    }

    fn replace(&mut self) -> io::Result<()> {
        self.file.flush()?;
        if let Ok(before) = fs::metadata(&self.path) {
            fs::set_permissions(&self.draft, before.permissions())?;
        }
        // Opened again: the writer of the draft's path may have put another file there.
        let file = OpenOptions::new().write(true).open(&self.draft)?;
        if !failpoint::breaks("no-output-sync") {
            file.sync_all()?;
        }
        failpoint::hit("mid-output-rename")?;
        fs::rename(&self.draft, &self.path)?;
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
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
            // It may be gone, and a failure could not be reported.
            let _ = fs::remove_file(&self.draft);
        }
    }
}

fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("`{}` cannot be written: {error}", path.display()))
}
