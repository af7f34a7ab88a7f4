//! What a mode of a file says: who may write a database, and who may read what is kept.

use std::os::unix::fs::PermissionsExt;

use super::*;

#[test]
fn what_may_not_be_written_is_refused_with_a_remedy() {
    let folder = read_only();
    // Root may write everything.
    if rustix::process::geteuid().is_root() {
        assert!(SqliteStore::open(folder.path()).is_ok())
    } else {
        refused(&folder, "change its permissions")
    }
}

#[test]
fn everything_is_private_to_the_user() {
    let folder = Folder::new();
    let store = SqliteStore::open(folder.path()).unwrap();
    store.values.persist(b"large").unwrap();
    let mut looked_at = 0;
    let mut folders = vec![folder.0.path().to_owned()];
    while let Some(inside) = folders.pop() {
        for entry in fs::read_dir(inside).unwrap() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            let wanted = if metadata.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(metadata.permissions().mode() & 0o777, wanted, "{:?}", entry.path());
            if metadata.is_dir() {
                folders.push(entry.path());
            }
            looked_at += 1;
        }
    }
    // The database, its log and index, two folders, a lock, a shelf, a value.
    assert!(looked_at >= 8, "{looked_at}");
}

#[test]
fn a_backup_is_private_too() {
    let (folder, done) = brought_up_to_date("CREATE TABLE later (x);");
    done.unwrap();
    let names = fs::read_dir(folder.0.path()).unwrap().map(|entry| entry.unwrap().path());
    let backups: Vec<_> = names.filter(|path| path.to_string_lossy().contains(".backup-v")).collect();
    assert_eq!(backups.len(), 1);
    assert_eq!(fs::metadata(&backups[0]).unwrap().permissions().mode() & 0o777, 0o600);
}

#[cfg(target_os = "linux")]
#[test]
fn file_systems_of_a_network_are_known_by_their_numbers() {
    for (magic, name) in [
        (0x6969, Some("NFS")),
        (0xff53_4d42, Some("SMB")),
        (0xfe53_4d42, Some("SMB")),
        (0x0102_1997, Some("9p")),
        // ext4, tmpfs.
        (0xef53, None),
        (0x0102_1994, None),
    ] {
        assert_eq!(system::network_of(magic), name, "{magic:x}");
    }
    let folder = Folder::new();
    assert!(system::free_bytes(folder.0.path()).is_some_and(|free| free > 0));
}
