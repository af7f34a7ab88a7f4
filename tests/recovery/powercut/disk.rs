//! A disk as a record leaves it: what is safe, and what was done since and may or may not survive a power cut.
//! Pure.
//!
//! The rules are those of POSIX, which promises the least: a sync of a file makes its content safe and not its name, a sync
//! of a folder makes the names in it safe. [`super::cut`] decides about the rest.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::record::Operation;

/// A file or folder, whatever its names. Numbers of inodes are used again; these are not.
pub(super) type NodeId = usize;

/// The folder that was recorded.
pub(super) const ROOT: NodeId = 0;

#[derive(Clone, Debug)]
pub(super) enum Node {
    File(File),
    Folder(Folder),
}

/// The content of a file: what is safe, and what has happened to it since, in this order.
#[derive(Clone, Debug, Default)]
pub(super) struct File {
    pub(super) safe: Vec<u8>,
    pub(super) since: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Write { at: usize, bytes: Arc<[u8]> },
    Truncate { len: usize },
}

/// The names in a folder: those that are safe, and what each name has stood for since, in this order.
#[derive(Clone, Debug, Default)]
pub(super) struct Folder {
    pub(super) safe: BTreeMap<String, NodeId>,
    pub(super) since: Vec<(String, Option<NodeId>)>,
    /// The names as programs see them.
    now: BTreeMap<String, NodeId>,
}

#[derive(Clone, Debug)]
pub(super) struct Disk {
    pub(super) nodes: Vec<Node>,
    by_inode: HashMap<u64, NodeId>,
}

impl Change {
    pub(super) fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Truncate { len } => content.resize(*len, 0),
            Self::Write { at, bytes } => {
                let end = at + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*at..end].copy_from_slice(bytes);
            }
        }
    }
}

impl Folder {
    fn change(&mut self, name: &str, node: Option<NodeId>) {
        match node {
            Some(node) => self.now.insert(name.to_owned(), node),
            None => self.now.remove(name),
        };
        self.since.push((name.to_owned(), node));
    }
}

impl Disk {
    /// A disk with an empty folder, whose inode has this number.
    pub(super) fn new(root: u64) -> Self {
        Self { nodes: vec![Node::Folder(Folder::default())], by_inode: HashMap::from([(root, ROOT)]) }
    }

    /// The disk after these operations.
    pub(super) fn after(mut self, operations: &[Operation]) -> Self {
        for operation in operations {
            self.apply(operation);
        }
        self
    }

    /// The disk after a sync of everything.
    pub(super) fn synced(mut self) -> Self {
        for inode in self.by_inode.keys().copied().collect::<Vec<_>>() {
            self.sync(inode);
        }
        self
    }

    pub(super) fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Create { node, path } => self.make(*node, path, Node::File(File::default())),
            Operation::Folder { node, path } => self.make(*node, path, Node::Folder(Folder::default())),
            Operation::Write { node, at, bytes } => {
                self.file(*node).since.push(Change::Write { at: *at, bytes: Arc::clone(bytes) });
            }
            Operation::Truncate { node, len } => self.file(*node).since.push(Change::Truncate { len: *len }),
            Operation::Sync { node } => self.sync(*node),
            Operation::Lose { node } => match &mut self.nodes[self.by_inode[node]] {
                Node::File(file) => file.since.clear(),
                Node::Folder(folder) => folder.since.clear(),
            },
            Operation::Link { from, to } => {
                let node = self.find(from);
                self.name(to, Some(node));
            }
            Operation::Rename { from, to } => {
                let node = self.find(from);
                self.name(to, Some(node));
                self.name(from, None);
            }
            Operation::Unlink { path } => self.name(path, None),
            Operation::Mark { .. } => {}
        }
    }

    /// Whether everything that was done to a file is safe.
    pub(super) fn is_synced(&self, path: &str) -> bool {
        matches!(&self.nodes[self.find(path)], Node::File(file) if file.since.is_empty())
    }

    fn make(&mut self, inode: u64, path: &str, node: Node) {
        self.nodes.push(node);
        let node = self.nodes.len() - 1;
        self.by_inode.insert(inode, node);
        self.name(path, Some(node));
    }

    fn sync(&mut self, inode: u64) {
        let node = self.by_inode[&inode];
        match &mut self.nodes[node] {
            Node::File(file) => {
                for change in file.since.drain(..) {
                    change.apply(&mut file.safe);
                }
            }
            Node::Folder(folder) => {
                for (name, node) in folder.since.drain(..) {
                    match node {
                        Some(node) => folder.safe.insert(name, node),
                        None => folder.safe.remove(&name),
                    };
                }
            }
        }
    }

    fn file(&mut self, inode: u64) -> &mut File {
        match &mut self.nodes[self.by_inode[&inode]] {
            Node::File(file) => file,
            Node::Folder(_) => panic!("a folder is written as if it were a file"),
        }
    }

    /// The folder of a path, and its name there.
    fn place<'a>(&self, path: &'a str) -> (NodeId, &'a str) {
        match path.rsplit_once('/') {
            Some((folder, name)) => (self.find(folder), name),
            None => (ROOT, path),
        }
    }

    fn find(&self, path: &str) -> NodeId {
        let (folder, name) = self.place(path);
        match &self.nodes[folder] {
            Node::Folder(folder) => folder.now[name],
            Node::File(_) => panic!("`{path}` lies in a file"),
        }
    }

    fn name(&mut self, path: &str, node: Option<NodeId>) {
        let (folder, name) = self.place(path);
        match &mut self.nodes[folder] {
            Node::Folder(folder) => folder.change(name, node),
            Node::File(_) => panic!("`{path}` lies in a file"),
        }
    }
}
