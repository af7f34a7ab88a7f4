//! What the store needs of the system, on Unix. `windows.rs` has the same functions.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use rustix::fs::{Access, FlockOperation, OFlags, flock};
use rustix::io::Errno;

/// Creates a folder that only this user may enter, whatever the umask. An existing one stays as it is; a link is none.
pub(super) fn private_folder(path: &Path) -> io::Result<()> {
    match fs::DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && is_folder(path) => Ok(()),
        Err(error) => Err(error),
        Ok(()) => fs::set_permissions(path, fs::Permissions::from_mode(0o700)),
    }
}

fn is_folder(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Returns the owner of a file or folder, unless it is this user or root, which may do everything anyway.
pub(super) fn other_owner(metadata: &Metadata) -> Option<String> {
    let owner = metadata.uid();
    let is_trusted = owner == 0 || owner == rustix::process::geteuid().as_raw();
    (!is_trusted).then(|| format!("uid {owner}"))
}

/// Whether every user may change a file, or the content of a folder.
pub(super) fn is_writable_by_all(metadata: &Metadata) -> bool {
    metadata.mode() & 0o002 != 0
}

/// Whether every user may replace a file in this folder: in one with the sticky bit, only the file's owner may.
pub(super) fn lets_others_replace(folder: &Metadata) -> bool {
    folder.mode() & 0o1002 == 0o002
}

/// Creates a new file that only this user may read. Follows no link planted at its path.
pub(super) fn private_file(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)?;
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Whether this user may write an existing file. Does not open it: closing it would release the locks of another store
/// in this process.
pub(super) fn may_write(path: &Path) -> io::Result<()> {
    Ok(rustix::fs::access(path, Access::READ_OK | Access::WRITE_OK)?)
}

/// Returns the file system of a folder, if locks may not work there.
#[cfg(target_os = "linux")]
pub(super) fn network_file_system(folder: &Path) -> Option<&'static str> {
    // The width of the field differs by machine, but is never less than this.
    network_of(rustix::fs::statfs(folder).ok()?.f_type as u32)
}

/// The numbers are those of statfs(2).
#[cfg(target_os = "linux")]
pub(super) fn network_of(magic: u32) -> Option<&'static str> {
    match magic {
        0x6969 => Some("NFS"),
        0x517b | 0xff53_4d42 | 0xfe53_4d42 => Some("SMB"),
        0x0102_1997 => Some("9p"),
        _ => None,
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn network_file_system(_folder: &Path) -> Option<&'static str> {
    None
}

/// Returns the free space; `None` if it is not known.
pub(super) fn free_bytes(folder: &Path) -> Option<u64> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    Some(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Creates a file, and locks it for as long as it is open.
pub(super) fn take_lock(path: &Path) -> io::Result<File> {
    let file = private_file(path)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    Ok(file)
}

/// Whether the lock is held; `None` if that cannot be seen. Follows no link.
pub(super) fn is_locked(path: &Path) -> Option<bool> {
    let file =
        OpenOptions::new().read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(path).ok()?;
    // A shared lock: several processes may look at the same time without seeing each other's locks.
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Ok(()) => Some(false),
        Err(Errno::WOULDBLOCK) => Some(true),
        // The file system has no locks, or no room for another one.
        Err(_) => None,
    }
}

/// Whether a free lock is a sign of a power cut. It is not: the file stays behind after every death.
pub(super) fn reveals_power_cut(_free: &Path) -> bool {
    false
}

/// Whether the process with this id started at that time: an id may be reused. `None` where this system shows no
/// processes, not even this one.
pub(super) fn is_running(pid: u32, since: i64) -> Option<bool> {
    started(std::process::id())?;
    Some(started(pid) == Some(since))
}

/// Returns the namespace in which process ids are unique.
pub(super) fn pid_space() -> String {
    fs::read_link("/proc/self/ns/pid")
        .map_or_else(|_| String::new(), |space| space.to_string_lossy().into_owned())
}

/// Returns when a process started, in the kernel's own unit: field 22 of its `stat`.
pub(super) fn started(pid: u32) -> Option<i64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The second field is the name in parentheses, and may contain anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(19)?.parse().ok()
}

/// Returns an id that changes with each boot of the machine.
pub(super) fn boot_id() -> String {
    let boot_id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    boot_id.trim().to_owned()
}

/// Returns the name of the machine.
pub(super) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Returns the identity of a file, which tells it from another one at the same path: its device and inode.
pub(super) fn file_id(path: &Path) -> io::Result<(u64, u64)> {
    use std::os::unix::fs::MetadataExt;
    let metadata = fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}
