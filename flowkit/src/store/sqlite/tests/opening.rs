//! Opening: what is refused, what is set, and what is private.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fs;
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use rusqlite::config::DbConfig;
use tempfile::TempDir;

use crate::store::sqlite::{SqliteStore, connection, failure, preflight, schema, system};
use crate::store::{StoreError, Synchronous};

struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn path(&self) -> PathBuf {
        self.0.path().join("runs.db")
    }

    fn with(bytes: &[u8]) -> Self {
        let folder = Self::new();
        fs::write(folder.path(), bytes).unwrap();
        folder
    }

    /// A whole database, as bytes: nothing of it is left in a log.
    fn database() -> Vec<u8> {
        let folder = Self::new();
        drop(SqliteStore::open(folder.path()).unwrap());
        fs::read(folder.path()).unwrap()
    }
}

/// Opening is refused for a reason that says `word`, and the file stays as it is.
fn refused(folder: &Folder, word: &str) {
    let before = fs::read(folder.path()).ok();
    let said = reason(&folder.path());
    assert!(said.contains(word), "{said}");
    assert_eq!(fs::read(folder.path()).ok(), before, "the file was changed");
}

fn reason(path: &Path) -> String {
    match SqliteStore::open(path) {
        Err(error @ StoreError::Open { .. }) => error.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_file_is_refused() {
    refused(&Folder::with(b""), "it is empty");
}

#[test]
fn random_bytes_are_refused() {
    let random: Vec<u8> = (0..8192_u32).map(|byte| (byte.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    refused(&Folder::with(&random), "not a SQLite database");
    refused(&Folder::with(b"short"), "not a SQLite database");
}

#[test]
fn a_file_that_was_cut_off_is_refused() {
    let whole = Folder::database();
    refused(&Folder::with(&whole[..whole.len() / 2]), "damaged");
    refused(&Folder::with(&whole[..50]), "damaged");
}

#[test]
fn a_database_of_another_program_is_refused() {
    let folder = Folder::new();
    Connection::open(folder.path()).unwrap().execute_batch("CREATE TABLE theirs (x)").unwrap();
    refused(&folder, "another program");
}

#[test]
fn a_newer_format_is_refused() {
    let folder = Folder::with(&Folder::database());
    let newer = Connection::open(folder.path()).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    drop(newer);
    let said = reason(&folder.path());
    assert!(said.contains("format is 99") && said.contains("update flowkit"), "{said}");
    let kept = Connection::open(folder.path()).unwrap();
    assert_eq!(kept.pragma_query_value(None, "user_version", |row| row.get::<_, i64>(0)).unwrap(), 99);
}

#[test]
fn a_format_that_was_never_released_is_refused_and_stays_as_it_is() {
    let folder = Folder::with(&Folder::database());
    let older = Connection::open(folder.path()).unwrap();
    older.pragma_update(None, "user_version", 1).unwrap();
    drop(older);
    let said = reason(&folder.path());
    assert!(
        said.contains("format is 1, which was never released") && said.contains("another file"),
        "{said}"
    );
    assert_eq!(number(&folder.path(), "PRAGMA user_version"), 1);
}

#[test]
fn a_directory_and_a_missing_folder_are_refused() {
    let folder = Folder::new();
    assert!(reason(folder.0.path()).contains("it is a directory"));
    let said = reason(&folder.0.path().join("nowhere").join("runs.db"));
    assert!(said.contains("it does not exist"), "{said}");
    // Nobody may make a file here, not even root.
    let said = reason(Path::new("/proc/runs.db"));
    assert!(said.contains("cannot make it"), "{said}");
}

/// A whole database that says of itself that it may not be written.
fn read_only() -> Folder {
    let folder = Folder::with(&Folder::database());
    let mut permissions = fs::metadata(folder.path()).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(folder.path(), permissions).unwrap();
    folder
}

#[test]
fn what_the_system_refuses_is_told_with_a_remedy() {
    for (kind, word) in [
        (std::io::ErrorKind::PermissionDenied, "permissions"),
        (std::io::ErrorKind::ReadOnlyFilesystem, "read-only"),
        (std::io::ErrorKind::StorageFull, "full"),
    ] {
        let said = failure::open_io(Path::new("runs.db"), "write it", kind.into()).to_string();
        assert!(said.contains(word), "{said}");
    }
}

#[test]
fn a_disk_without_room_for_what_processes_share_is_called_full() {
    let error = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_IOERR_SHMSIZE);
    let said = failure::open_sqlite(Path::new("runs.db"), rusqlite::Error::SqliteFailure(error, None));
    assert!(said.to_string().contains("the disk is full"), "{said}");
}

#[test]
fn an_older_sqlite_is_refused() {
    let said = preflight::sqlite_version(Path::new("runs.db"), 3_051_002).unwrap_err().to_string();
    assert!(said.contains("3.51.3"), "{said}");
    assert!(preflight::sqlite_version(Path::new("runs.db"), rusqlite::version_number()).is_ok());
}

#[test]
fn what_makes_a_write_durable_is_set() {
    let folder = Folder::with(&Folder::database());
    for (synchronous, code) in [(Synchronous::Full, 2), (Synchronous::Normal, 1)] {
        let open = connection::to_write(&folder.path(), synchronous).unwrap();
        let number = |name| open.pragma_query_value(None, name, |row| row.get::<_, i64>(0)).unwrap();
        let mode: String = open.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
        assert_eq!(number("synchronous"), code);
        assert_eq!((number("foreign_keys"), number("trusted_schema"), number("cell_size_check")), (1, 0, 1));
        assert!(number("busy_timeout") >= 5000);
        assert_eq!((number("wal_autocheckpoint"), number("journal_size_limit")), (1000, 16 << 20));
        assert_eq!(number("mmap_size"), 0);
        assert!(open.db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE).unwrap());
    }
}

#[test]
fn an_open_store_waits_for_the_disk_as_it_was_told_to() {
    for (synchronous, code) in [(Synchronous::Full, 2), (Synchronous::Normal, 1)] {
        let folder = Folder::new();
        let store = SqliteStore::options().synchronous(synchronous).open(folder.path()).unwrap();
        let found = store.ask(|writer| {
            let writes = writer.connection.as_ref().unwrap();
            Ok(writes.pragma_query_value(None, "synchronous", |row| row.get::<_, i64>(0)).unwrap())
        });
        assert_eq!(found.unwrap(), code);
    }
}

/// A damaged database, and in it an owner on this machine that is dead, with an id of zeroes.
fn damaged_under(boot_id: &str) -> Folder {
    let folder = Folder::new();
    drop(SqliteStore::open(folder.path()).unwrap());
    let raw = Connection::open(folder.path()).unwrap();
    raw.execute(
        "INSERT INTO owners (uuid, boot_id, pid, pid_started, pid_space, host, lease_until)
         VALUES (zeroblob(16), ?1, 1, 1, '', ?2, 0)",
        [boot_id, &system::host()],
    )
    .unwrap();
    // As it was while that owner had it open.
    raw.execute("UPDATE page_digest SET digest = NULL", []).unwrap();
    let page: u32 = raw
        .query_row("SELECT rootpage FROM sqlite_schema WHERE name = 'metrics'", [], |row| row.get(0))
        .unwrap();
    drop(raw);
    let mut bytes = fs::read(folder.path()).unwrap();
    bytes[(page as usize - 1) * 4096..][..4096].fill(0xff);
    fs::write(folder.path(), bytes).unwrap();
    folder
}

#[test]
fn a_file_that_a_power_cut_has_damaged_is_refused_every_time() {
    let folder = damaged_under("earlier");
    for _ in 0..2 {
        let refused = SqliteStore::open(folder.path()).unwrap_err();
        assert!(refused.to_string().contains("damaged"), "{refused}");
    }
    // Nobody stays behind who would be taken for another crash.
    let locks = fs::read_dir(folder.path().with_extension("db.owners")).unwrap();
    assert_eq!(locks.count(), 0);
}

#[test]
fn a_damaged_file_that_a_death_has_left_is_refused_every_time() {
    let folder = damaged_under(&system::boot_id());
    for _ in 0..2 {
        let refused = SqliteStore::open(folder.path()).unwrap_err();
        assert!(refused.to_string().contains("damaged"), "{refused}");
        let looking_back = SqliteStore::options().looking_back().open(folder.path());
        assert!(looking_back.unwrap_err().to_string().contains("damaged"));
    }
}

#[test]
fn a_network_file_system_and_a_disk_that_is_nearly_full_are_warned_of() {
    let path = Path::new("runs.db");
    assert_eq!(preflight::warnings(path, None, Some(64 << 20)), [""; 0]);
    let [network] = &preflight::warnings(path, Some("NFS"), None)[..] else { panic!() };
    assert!(network.contains("lies on NFS") && network.contains("use a local disk"), "{network}");
    let [full] = &preflight::warnings(path, None, Some((64 << 20) - 1))[..] else { panic!() };
    assert!(full.contains("63 MB"), "{full}");
}

/// A database of the format before one that has `script` too, and what comes of bringing it up to date.
fn brought_up_to_date(script: &str) -> (Folder, Result<(), StoreError>) {
    let folder = Folder::with(&Folder::database());
    let mut open = connection::to_write(&folder.path(), Synchronous::Normal).unwrap();
    // What is there already is not run again, so it needs not be right.
    let migrations = ["nonsense", script];
    let done = schema::bring_up_to(&folder.path(), &mut open, &migrations);
    (folder, done)
}

fn number(path: &Path, sql: &str) -> i64 {
    Connection::open(path).unwrap().query_row(sql, [], |row| row.get(0)).unwrap()
}

#[test]
fn an_older_format_is_backed_up_and_brought_up_to_date() {
    let (folder, done) = brought_up_to_date("CREATE TABLE later (x); INSERT INTO later VALUES (7);");
    done.unwrap();
    let version = number(&folder.path(), "PRAGMA user_version");
    assert_eq!(number(&folder.path(), "SELECT x FROM later"), 7);
    let backup = folder.0.path().join(format!("runs.db.backup-v{}", version - 1));
    assert_eq!(number(&backup, "PRAGMA user_version"), version - 1);
    assert_eq!(number(&backup, "SELECT count(*) FROM task_runs"), 0);
    // A program that has not been updated leaves it alone.
    assert!(reason(&folder.path()).contains("update flowkit"));
}

#[test]
fn a_format_that_cannot_be_brought_up_to_date_stays_as_it_was() {
    let (folder, done) = brought_up_to_date("CREATE TABLE later (x); CREATE TABLE task_runs (x);");
    assert!(matches!(done, Err(StoreError::Open { .. })), "{done:?}");
    assert_eq!(number(&folder.path(), "SELECT count(*) FROM sqlite_schema WHERE name = 'later'"), 0);
    drop(SqliteStore::open(folder.path()).unwrap());
}

#[test]
fn closing_leaves_the_database_its_key_and_two_folders_in_order() {
    let folder = Folder::new();
    drop(SqliteStore::open(folder.path()).unwrap());
    assert!(!folder.0.path().join("runs.db-wal").exists());
    assert_eq!(fs::read_dir(folder.0.path().join("runs.db.owners")).unwrap().count(), 0);
    let names: Vec<_> =
        fs::read_dir(folder.0.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(names.len() <= 3, "{names:?}");
}
