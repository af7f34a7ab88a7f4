//! The most memory that a program held.
//!
//! The system counts it for all children of a process together, and a child counts as at least as large as the process
//! that started it was. So this runs in a small process of its own for each program.

use std::error::Error;
use std::process::Command;

use nix::sys::resource::{UsageWho, getrusage};

use crate::million::peak_resident_bytes;

/// Runs of the program: the largest counts.
const TIMES: usize = 5;

/// Runs a program some times, and returns the most bytes it held. `None` where the system does not tell, or this process
/// was larger.
///
/// # Errors
/// If the program cannot be started, or does not end well.
pub fn of(mut program: Command) -> Result<Option<u64>, Box<dyn Error>> {
    let own = peak_resident_bytes();
    for _ in 0..TIMES {
        let status = program.status()?;
        if !status.success() {
            return Err(format!("`{program:?}` ended with {status}").into());
        }
    }
    let kibibytes = u64::try_from(getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss())?;
    let bytes = kibibytes * 1024;
    Ok(own.filter(|own| *own < bytes).map(|_| bytes))
}
