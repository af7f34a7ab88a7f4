//! A file that exists completely or not at all.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::Path;

/// Writes a file, or replaces it: readers see the old bytes or the new ones.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Beside the target, since a rename to another file system would be a copy.
    let draft = path.with_extension(format!("{}.draft", std::process::id()));
    let mut file = File::create(&draft)?;
    let written =
        file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&draft, path));
    written.inspect_err(|_| drop(fs::remove_file(&draft)))
}
