//! The disk: how long it takes for the least that it can be asked to keep.
//!
//! Every figure of the store is made of this one, and it differs a hundredfold between machines.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::measure::median;

/// What SQLite writes at least for a commit.
const PAGE: [u8; 4096] = [7; 4096];

/// The median time of an fsync after one page was appended, as SQLite does it for a commit.
///
/// # Errors
/// What the disk says.
pub fn fsync(folder: &Path, times: usize) -> io::Result<Duration> {
    let mut file = File::create(folder.join("fsync"))?;
    let mut taken = Vec::with_capacity(times);
    for _ in 0..times {
        file.write_all(&PAGE)?;
        let started = Instant::now();
        // Not `sync_data`: SQLite as flowkit bundles it calls `fsync`.
        file.sync_all()?;
        taken.push(started.elapsed());
    }
    Ok(median(taken).unwrap_or_default())
}
