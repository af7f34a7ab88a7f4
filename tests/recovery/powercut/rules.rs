//! What a power cut may leave, with small records written by hand.

use std::collections::BTreeSet;

use super::cut::{Fate, Left, cut};
use super::disk::Disk;
use super::record::Operation;

const INODE: u64 = 1;
const PARTS: Fate = Fate::Parts { sector: 4 };
const JOURNAL: Fate = Fate::Journal { sector: 4 };

fn create(node: u64, path: &str) -> Operation {
    Operation::Create { node, path: path.to_owned() }
}

fn folder(node: u64, path: &str) -> Operation {
    Operation::Folder { node, path: path.to_owned() }
}

fn write(node: u64, at: usize, bytes: &[u8]) -> Operation {
    Operation::Write { node, at, bytes: bytes.into() }
}

fn sync(node: u64) -> Operation {
    Operation::Sync { node }
}

fn rename(from: &str, to: &str) -> Operation {
    Operation::Rename { from: from.to_owned(), to: to.to_owned() }
}

/// What `path` holds after a cut; `None` if it is not there.
fn found(operations: &[Operation], fate: Fate, seed: u64, path: &str) -> Option<Vec<u8>> {
    let disk = Disk::new(INODE).after(operations);
    let mut names = cut(&disk, fate, &mut fastrand::Rng::with_seed(seed));
    let mut parts = path.split('/').peekable();
    while let Some(part) = parts.next() {
        match names.remove(part)? {
            Left::File(_, content) if parts.peek().is_none() => return Some(content),
            Left::File(..) => return None,
            Left::Folder(below) => names = below,
        }
    }
    None
}

/// Everything that `path` may hold after a cut.
fn all(operations: &[Operation], fate: Fate, path: &str) -> BTreeSet<Option<Vec<u8>>> {
    (0..500).map(|seed| found(operations, fate, seed, path)).collect()
}

fn one_of(contents: &[Option<&[u8]>]) -> BTreeSet<Option<Vec<u8>>> {
    contents.iter().map(|content| content.map(<[u8]>::to_vec)).collect()
}

#[test]
fn content_and_name_are_safe_only_after_a_sync_of_their_own() {
    let table: [(&[Operation], Option<&[u8]>); 4] = [
        (&[], None),
        (&[sync(2)], None),
        (&[sync(INODE)], Some(b"")),
        (&[sync(INODE), sync(2)], Some(b"abcd")),
    ];
    for (syncs, left) in table {
        let operations = [&[create(2, "a"), write(2, 0, b"abcd")], syncs].concat();
        assert_eq!(found(&operations, Fate::Nothing, 0, "a").as_deref(), left, "{syncs:?}");
        assert_eq!(found(&operations, Fate::Everything, 0, "a").as_deref(), Some(&b"abcd"[..]));
    }
}

#[test]
fn a_file_is_lost_with_the_folder_whose_name_was_not_synced() {
    let mut operations = vec![folder(2, "shelf"), create(3, "shelf/a"), write(3, 0, b"x"), sync(3), sync(2)];
    assert_eq!(found(&operations, Fate::Nothing, 0, "shelf/a"), None);
    operations.push(sync(INODE));
    assert_eq!(found(&operations, Fate::Nothing, 0, "shelf/a").as_deref(), Some(&b"x"[..]));
}

#[test]
fn a_name_stands_for_the_old_file_or_for_the_new_one() {
    let mut operations = vec![
        create(2, "place"),
        write(2, 0, b"old"),
        sync(2),
        sync(INODE),
        create(3, "draft"),
        write(3, 0, b"new"),
        sync(3),
        rename("draft", "place"),
    ];
    for fate in [PARTS, JOURNAL] {
        assert_eq!(all(&operations, fate, "place"), one_of(&[Some(b"old"), Some(b"new")]), "{fate:?}");
    }
    operations.push(sync(INODE));
    assert_eq!(all(&operations, PARTS, "place"), one_of(&[Some(b"new")]));
}

#[test]
fn a_file_that_was_not_synced_before_its_rename_may_be_empty_or_torn() {
    let operations = [create(2, "draft"), write(2, 0, b"abcdefgh"), rename("draft", "a"), sync(INODE)];
    let expected: [Option<&[u8]>; 5] =
        [Some(b""), Some(b"abcdefgh"), Some(b"abcd\0\0\0\0"), Some(b"\0\0\0\0efgh"), Some(&[0; 8])];
    assert_eq!(all(&operations, PARTS, "a"), one_of(&expected));
}

#[test]
fn a_sector_has_no_later_write_without_the_earlier_ones_and_sectors_know_nothing_of_each_other() {
    let operations = [
        create(2, "a"),
        write(2, 0, b"--------"),
        sync(2),
        sync(INODE),
        write(2, 0, b"12"),
        write(2, 2, b"34"),
        write(2, 4, b"56"),
    ];
    let expected: [Option<&[u8]>; 6] = [
        Some(b"--------"),
        Some(b"12------"),
        Some(b"1234----"),
        Some(b"----56--"),
        Some(b"12--56--"),
        Some(b"123456--"),
    ];
    assert_eq!(all(&operations, PARTS, "a"), one_of(&expected));
}

#[test]
fn what_was_cut_off_does_not_come_back_in_a_file_that_grew_again() {
    let operations = [
        create(2, "log"),
        write(2, 0, b"oldold"),
        sync(2),
        sync(INODE),
        Operation::Truncate { node: 2, len: 0 },
        write(2, 0, b"new!"),
        write(2, 4, b"er"),
    ];
    let expected: [Option<&[u8]>; 8] = [
        Some(b"oldold"),
        Some(b""),
        Some(b"new!"),
        Some(&[0; 4]),
        Some(b"new!er"),
        Some(b"new!\0\0"),
        Some(b"\0\0\0\0er"),
        Some(&[0; 6]),
    ];
    assert_eq!(all(&operations, PARTS, "log"), one_of(&expected));
}

#[test]
fn a_number_of_an_inode_that_is_used_again_is_another_file() {
    let operations = [
        create(2, "a"),
        Operation::Link { from: "a".to_owned(), to: "b".to_owned() },
        Operation::Unlink { path: "a".to_owned() },
        create(2, "c"),
        write(2, 0, b"x"),
    ];
    assert_eq!(found(&operations, Fate::Everything, 0, "a"), None);
    assert_eq!(found(&operations, Fate::Everything, 0, "b").as_deref(), Some(&b""[..]));
    assert_eq!(found(&operations, Fate::Everything, 0, "c").as_deref(), Some(&b"x"[..]));
}

#[test]
fn what_a_failed_sync_has_lost_is_not_brought_to_the_disk_by_the_next_one() {
    let mut operations =
        vec![create(2, "a"), sync(2), Operation::Lose { node: INODE }, sync(INODE), create(3, "draft")];
    assert_eq!(found(&operations, Fate::Nothing, 0, "a"), None);
    operations.extend([rename("draft", "a"), sync(INODE)]);
    assert_eq!(found(&operations, Fate::Nothing, 0, "a").as_deref(), Some(&b""[..]));
}
