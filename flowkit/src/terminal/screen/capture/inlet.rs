//! One way of captured output: the end to which the program writes, and the thread that reads from the other.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Weak};
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// How long to wait for a stream that is full: another program may have made it non-blocking.
const FULL_WAIT: Duration = Duration::from_millis(5);

/// How long to wait between two looks at what is on its way.
const PAUSE: Duration = Duration::from_micros(200);

/// After so many looks, about a second, nothing waits any longer: the target takes no more, or the log is far behind.
const LOOKS_MAX: u32 = 2500;

/// The end to which the program writes.
pub(super) struct Inlet {
    end: File,
    /// The bytes that end the output.
    mark: Vec<u8>,
    outlet: Outlet,
    reader: JoinHandle<()>,
}

/// The end from which a thread reads. A copy does not keep it open: when the thread gives up, the program must get an error
/// instead of waiting for ever.
#[derive(Clone)]
pub(in crate::terminal::screen) struct Outlet {
    file: Weak<File>,
    locks: Arc<Locks>,
}

#[derive(Default)]
struct Locks {
    /// Held while output is on its way from the inlet to its target.
    passing: Mutex<()>,
    /// Held until it has also been taken. Never waited for by the thread that writes it.
    taking: Mutex<()>,
    /// How many bytes have been passed on; changed while `passing` is held.
    passed: AtomicU64,
}

impl Inlet {
    /// Starts a thread that passes what is written to `end`, and read from `outlet`, to `pass` and then to `take`. It ends when
    /// `pass` fails, or at [`end`](Self::end).
    ///
    /// # Errors
    ///
    /// If the system has no thread.
    pub(super) fn open(
        end: File,
        outlet: File,
        pass: impl FnMut(&[u8]) -> io::Result<()> + Send + 'static,
        take: impl FnMut(&[u8]) + Send + 'static,
    ) -> io::Result<Self> {
        let mark = format!("\0flowkit:{:016x}\0", fastrand::u64(..)).into_bytes();
        let (file, locks) = (Arc::new(outlet), Arc::<Locks>::default());
        let outlet = Outlet { file: Arc::downgrade(&file), locks: Arc::clone(&locks) };
        let until = Until::new(mark.clone());
        let thread = std::thread::Builder::new().name("flowkit-output".into());
        let reader = thread.spawn(move || read_until(&file, &locks, until, pass, take))?;
        Ok(Self { end, mark, outlet, reader })
    }

    pub(super) fn outlet(&self) -> &Outlet {
        &self.outlet
    }

    /// Waits until everything that was written has been taken.
    pub(super) fn end(mut self) {
        // A child process may hold its end open, so the reader cannot wait until all ends are closed.
        if self.end.write_all(&self.mark).is_ok() {
            let _ended = self.reader.join();
        }
    }
}

fn read_until(
    outlet: &File,
    locks: &Locks,
    mut until: Until,
    mut pass: impl FnMut(&[u8]) -> io::Result<()>,
    mut take: impl FnMut(&[u8]),
) {
    let mut bytes = [0; 8192];
    loop {
        wait_for_output(outlet);
        let taking = locks.taking.lock();
        let passing = locks.passing.lock();
        // An error is the end: the other side is closed.
        let Ok(count @ 1..) = read(outlet, &mut bytes) else { return };
        let printed = until.before_mark(&bytes[..count]);
        let passed = pass(&printed);
        locks.passed.fetch_add(count as u64, Ordering::Relaxed);
        drop(passing);
        take(&printed);
        drop(taking);
        if until.is_over || passed.is_err() {
            return;
        }
    }
}

impl Outlet {
    /// Calls `write` when everything that has been printed so far is passed on, and lets no further output pass meanwhile; or
    /// after a second without that.
    pub(super) fn between<T>(&self, write: impl FnOnce() -> T) -> T {
        let mut printed = None;
        for _ in 0..LOOKS_MAX {
            if let Some(_passing) = self.locks.passing.try_lock_for(PAUSE) {
                let passed = self.locks.passed.load(Ordering::Relaxed);
                // Not until nothing is on its way: the program may print without end.
                if passed >= *printed.get_or_insert_with(|| passed + self.on_its_way()) {
                    return write();
                }
            }
            std::thread::sleep(PAUSE);
        }
        write()
    }

    /// Returns how many bytes have been printed and not been read.
    fn on_its_way(&self) -> u64 {
        self.file.upgrade().and_then(|file| rustix::io::ioctl_fionread(&file).ok()).unwrap_or(0)
    }

    /// Waits until all output that was printed before has been taken, but not for long.
    pub(in crate::terminal::screen) fn wait_until_taken(&self) {
        for _ in 0..LOOKS_MAX {
            if self.locks.taking.try_lock_for(PAUSE).is_some() && self.is_empty() {
                return;
            }
            std::thread::sleep(PAUSE);
        }
    }

    fn is_empty(&self) -> bool {
        self.file.upgrade().is_none_or(|file| !has_output(&file, Some(&Timespec::default())))
    }
}

/// Waits until there is something to read, or the other side is closed.
fn wait_for_output(outlet: &File) {
    while !has_output(outlet, None) {}
}

fn has_output(outlet: &File, limit: Option<&Timespec>) -> bool {
    match poll(&mut [PollFd::new(outlet, PollFlags::IN)], limit) {
        Ok(ready) => ready > 0,
        Err(rustix::io::Errno::INTR) => false,
        // The reader gets the same error.
        Err(_) => limit.is_none(),
    }
}

fn read(mut file: &File, bytes: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read(bytes) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

/// Writes all of it, however long that takes.
pub(super) fn write(mut file: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => std::thread::sleep(FULL_WAIT),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Passes bytes on until a mark, which may arrive in pieces.
struct Until {
    mark: Vec<u8>,
    /// Bytes that may be the beginning of the mark.
    held: Vec<u8>,
    is_over: bool,
}

impl Until {
    fn new(mark: Vec<u8>) -> Self {
        Self { mark, held: Vec::new(), is_over: false }
    }

    fn before_mark(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(bytes);
        if let Some(at) = all.windows(self.mark.len()).position(|window| window == self.mark) {
            self.is_over = true;
            all.truncate(at);
            return all;
        }
        let longest = all.len().min(self.mark.len() - 1);
        let held = (1..=longest).rev().find(|length| all.ends_with(&self.mark[..*length])).unwrap_or(0);
        self.held = all.split_off(all.len() - held);
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_bytes_before_the_mark_are_passed_on_however_they_are_cut() {
        let all = b"one\0flow\0two\0flowkit:12\0lost";
        for cut in 0..all.len() {
            for second in cut..all.len() {
                let mut until = Until::new(b"\0flowkit:12\0".to_vec());
                let mut passed = Vec::new();
                for piece in [&all[..cut], &all[cut..second], &all[second..]] {
                    if !until.is_over {
                        passed.extend(until.before_mark(piece));
                    }
                }
                assert!(until.is_over);
                assert_eq!(passed, b"one\0flow\0two");
            }
        }
    }
}
