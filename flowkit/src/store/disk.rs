//! What every file that must survive a power cut needs.

use std::fs::File;
use std::io;
use std::path::Path;

use crate::failpoint;

/// Makes sure that the names in a folder survive a power cut.
///
/// Windows has no call for it. NTFS writes names down in its own order, and a power cut may take the last of them: then a
/// file that was new is missing, and one that was replaced may be the old one.
pub(crate) fn sync_folder(path: &Path) -> io::Result<()> {
    if cfg!(unix) && !failpoint::breaks("no-folder-sync") { File::open(path)?.sync_all() } else { Ok(()) }
}
