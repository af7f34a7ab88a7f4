//! Places where crash tests break the program on purpose. Without the feature `testing` there is nothing here.
//!
//! `FLOWKIT_FAILPOINT=name:abort|err|sleep|stop`, and `name:abort:3` for the third time that the place is reached. Read once.

use std::io;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

struct Failpoint {
    name: String,
    action: String,
    ordinal: u64,
    reached: AtomicU64,
}

static FAILPOINT: OnceLock<Option<Failpoint>> = OnceLock::new();

fn from_environment() -> Option<Failpoint> {
    let text = std::env::var("FLOWKIT_FAILPOINT").ok()?;
    let mut parts = text.split(':');
    let (name, action) = (parts.next()?.to_owned(), parts.next()?.to_owned());
    let ordinal = parts.next().and_then(|ordinal| ordinal.parse().ok()).unwrap_or(1);
    Some(Failpoint { name, action, ordinal, reached: AtomicU64::new(0) })
}

/// Whether `FLOWKIT_BREAK` names this promise, which is then broken on purpose: so that a test can show that the others
/// would notice.
#[inline(always)]
pub(crate) fn breaks(promise: &str) -> bool {
    cfg!(feature = "testing") && is_broken(promise)
}

fn is_broken(promise: &str) -> bool {
    static BROKEN: OnceLock<Option<String>> = OnceLock::new();
    BROKEN.get_or_init(|| std::env::var("FLOWKIT_BREAK").ok()).as_deref() == Some(promise)
}

/// Breaks here if the environment says so, where there is no caller to give an error to: `err` does nothing.
#[inline(always)]
pub(crate) fn reach(name: &str) {
    drop(hit(name));
}

/// Breaks here if the environment says so.
#[inline(always)]
pub(crate) fn hit(name: &str) -> io::Result<()> {
    if cfg!(feature = "testing") { reached(name) } else { Ok(()) }
}

fn reached(name: &str) -> io::Result<()> {
    let Some(failpoint) = FAILPOINT.get_or_init(from_environment) else { return Ok(()) };
    if failpoint.name != name || failpoint.reached.fetch_add(1, Ordering::Relaxed) + 1 != failpoint.ordinal {
        return Ok(());
    }
    match failpoint.action.as_str() {
        "abort" => std::process::abort(),
        "err" => Err(io::Error::other(format!("failpoint {name}"))),
        // Long enough for a test that kills the process here.
        "sleep" => {
            std::thread::sleep(Duration::from_secs(2));
            Ok(())
        }
        // As Ctrl-Z does, or a frozen container, until it gets SIGCONT.
        #[cfg(all(unix, feature = "sqlite"))]
        "stop" => {
            use rustix::process::{Signal, getpid, kill_process};
            Ok(kill_process(getpid(), Signal::STOP)?)
        }
        _ => Ok(()),
    }
}
