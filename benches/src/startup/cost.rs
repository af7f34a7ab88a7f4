//! What a program costs besides wall time: processor time, and its memory peak.
//!
//! The system counts both for all children of a process together, and a child counts as at least as large as the process
//! that started it. So this runs in a small separate process for each program.

use std::error::Error;
use std::process::Command;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};

use crate::million::peak_resident_bytes;

/// Runs of the program: of memory the largest counts, of the processor the average.
const TIMES: u32 = 10;

/// What one run of a program costs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cost {
    /// The time of all its threads, in the program and in the system.
    pub processor_ms: f64,
    /// The most bytes it held. `None` if the system does not report it, or the measuring process was larger.
    pub peak_bytes: Option<u64>,
}

/// Runs a program some times.
///
/// # Errors
/// If it cannot be started, or does not end well.
pub fn of(mut program: Command) -> Result<Cost, Box<dyn Error>> {
    let own = peak_resident_bytes();
    for _ in 0..TIMES {
        let status = program.status()?;
        if !status.success() {
            return Err(format!("`{program:?}` ended with {status}").into());
        }
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let microseconds = u64::try_from((usage.user_time() + usage.system_time()).num_microseconds())?;
    let processor = Duration::from_micros(microseconds) / TIMES;
    let bytes = u64::try_from(usage.max_rss())? * 1024;
    let peak_bytes = own.filter(|own| *own < bytes).map(|_| bytes);
    Ok(Cost { processor_ms: processor.as_secs_f64() * 1_000.0, peak_bytes })
}
