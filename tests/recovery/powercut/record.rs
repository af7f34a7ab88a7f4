//! The record that `programs/recorder.c` makes, read. Pure.

use std::collections::BTreeMap;
use std::sync::Arc;

/// Something that a program did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    /// An empty file came to be. Its number is that of the inode: a later file may get it again.
    Create {
        node: u64,
        path: String,
    },
    /// An empty folder came to be.
    Folder {
        node: u64,
        path: String,
    },
    Write {
        node: u64,
        at: usize,
        bytes: Arc<[u8]>,
    },
    Truncate {
        node: u64,
        len: usize,
    },
    /// The content of a file, or the names in a folder, were brought to the disk.
    Sync {
        node: u64,
    },
    /// A sync has failed: what it was to bring to the disk is called clean, and no later sync will bring it there.
    Lose {
        node: u64,
    },
    Link {
        from: String,
        to: String,
    },
    Rename {
        from: String,
        to: String,
    },
    Unlink {
        path: String,
    },
    /// What the program has reported to the outside, by appending it to a file on another disk.
    Mark {
        file: String,
        bytes: Vec<u8>,
    },
}

/// Reads a record.
///
/// # Panics
///
/// If it is none: then the recorder has a bug.
pub(super) fn read(mut record: &[u8]) -> Vec<Operation> {
    let mut operations = Vec::new();
    while !record.is_empty() {
        let end = record.iter().position(|byte| *byte == b'\n').expect("a line without an end");
        let line = std::str::from_utf8(&record[..end]).expect("a line that is no text");
        record = &record[end + 1..];
        let mut take = |len: usize| {
            let (bytes, rest) = record.split_at(len);
            record = rest;
            bytes.to_vec()
        };
        let (what, rest) = line.split_once(' ').expect("an operation on nothing");
        let numbers = || rest.split(' ').map_while(|number| number.parse::<u64>().ok());
        let number = |index| numbers().nth(index).expect("a number is missing");
        let node_and_path = || {
            let (node, path) = rest.split_once(' ').expect("a path is missing");
            (node.parse().expect("a number is missing"), path.to_owned())
        };
        let two_paths = || {
            let (from, to) = rest.split_once('\t').expect("a path is missing");
            (from.to_owned(), to.to_owned())
        };
        operations.push(match what {
            "create" => {
                let (node, path) = node_and_path();
                Operation::Create { node, path }
            }
            "folder" => {
                let (node, path) = node_and_path();
                Operation::Folder { node, path }
            }
            "write" => {
                let bytes = take(number(2) as usize).into();
                Operation::Write { node: number(0), at: number(1) as usize, bytes }
            }
            "truncate" => Operation::Truncate { node: number(0), len: number(1) as usize },
            "sync" => Operation::Sync { node: number(0) },
            "lose" => Operation::Lose { node: number(0) },
            "link" => {
                let (from, to) = two_paths();
                Operation::Link { from, to }
            }
            "rename" => {
                let (from, to) = two_paths();
                Operation::Rename { from, to }
            }
            "unlink" => Operation::Unlink { path: rest.to_owned() },
            "mark" => {
                let (len, file) = rest.split_once(' ').expect("a name is missing");
                let bytes = take(len.parse().expect("a number is missing"));
                Operation::Mark { file: file.to_owned(), bytes }
            }
            other => panic!("the recorder knows no `{other}`"),
        });
    }
    operations
}

/// Everything that was reported, by file.
pub(super) fn marks(operations: &[Operation]) -> BTreeMap<&str, Vec<u8>> {
    let mut marks: BTreeMap<&str, Vec<u8>> = BTreeMap::new();
    for operation in operations {
        if let Operation::Mark { file, bytes } = operation {
            marks.entry(file).or_default().extend(bytes);
        }
    }
    marks
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let record = b"folder 7 a b\ncreate 8 a b/c\nwrite 8 3 5\n1\n2\n3sync 8\nrename a b/c\td\nmark 2 notes\nx\ntruncate 8 0\n";
    let expected = [
        Operation::Folder { node: 7, path: "a b".into() },
        Operation::Create { node: 8, path: "a b/c".into() },
        Operation::Write { node: 8, at: 3, bytes: (*b"1\n2\n3").into() },
        Operation::Sync { node: 8 },
        Operation::Rename { from: "a b/c".into(), to: "d".into() },
        Operation::Mark { file: "notes".into(), bytes: b"x\n".to_vec() },
        Operation::Truncate { node: 8, len: 0 },
    ];
    assert_eq!(read(record), expected);
    assert_eq!(marks(&expected), BTreeMap::from([("notes", b"x\n".to_vec())]));
}
