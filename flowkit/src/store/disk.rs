//! What every file that must survive a power cut needs.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::failpoint;

/// Makes the entries of a folder durable.
///
/// Windows has no call for it. NTFS writes folder entries in its own order, and a power cut may lose the last of them:
/// then a new file is missing, and a replaced one may be the old one.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) && !failpoint::breaks("no-folder-sync") { File::open(path)?.sync_all() } else { Ok(()) }
}
