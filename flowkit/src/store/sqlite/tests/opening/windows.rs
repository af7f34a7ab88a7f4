//! What a lock is that nobody else can open, and what may not be written.

use super::*;

/// Where the lock of the owner of [`damaged_under`] would lie.
fn lock_of_the_dead(folder: &Folder) -> PathBuf {
    let locks = folder.path().with_extension("db.owners");
    locks.join(format!("{}.lock", uuid::Uuid::nil()))
}

#[test]
fn what_may_not_be_written_is_refused_with_a_remedy() {
    refused(&read_only(), "change its permissions");
}

#[test]
fn a_lock_stands_while_it_is_held_and_goes_away_with_its_owner() {
    let folder = Folder::new();
    let lock = folder.0.path().join("lock");
    let held = system::take_lock(&lock).unwrap();
    assert_eq!(system::is_locked(&lock), Some(true));
    assert!(fs::remove_file(&lock).is_err());
    assert!(system::take_lock(&lock).is_err());
    drop(held);
    assert!(!lock.exists());
    assert_eq!(system::is_locked(&lock), Some(false));
}

#[test]
fn looking_at_a_lock_is_in_nobodys_way() {
    let folder = Folder::with(b"left behind");
    let _looks = fs::File::open(folder.path()).unwrap();
    assert_eq!(system::is_locked(&folder.path()), Some(false));
}

#[test]
fn a_lock_that_was_left_behind_tells_of_a_power_cut() {
    let folder = damaged_under(&system::boot_id());
    fs::write(lock_of_the_dead(&folder), "").unwrap();
    let refused = SqliteStore::open(folder.path()).unwrap_err();
    assert!(refused.to_string().contains("damaged"), "{refused}");
}

#[test]
fn the_end_of_a_process_is_no_reason_to_look_for_damage() {
    let folder = damaged_under(&system::boot_id());
    assert!(SqliteStore::open(folder.path()).is_ok());
}

#[test]
fn a_share_of_another_machine_is_told_from_a_disk() {
    assert_eq!(system::network_file_system(Path::new(r"\\server\share\runs")), Some("a network share"));
    assert_eq!(system::network_file_system(Path::new(r"C:\runs")), None);
}
