//! What is left of a disk after a power cut: what is safe, and of the rest what chance leaves. Pure.
//!
//! What was not synced may survive, be lost, or survive in part, in any order. A sector has the content that the file had there
//! at some moment since the sync, so a later write does not survive without an earlier one to the same sector; nothing is
//! guaranteed between two sectors, between content and length, or between two names. A rename is one change of each of its
//! names: the new name refers to the old file or to the new one, never to a part.

use std::collections::BTreeMap;

use super::disk::{Change, Disk, File, Folder, Node, NodeId, ROOT};

/// How much survives of what was not synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Nothing,
    Everything,
    /// For each sector, length and name another moment; sectors of so many bytes.
    Parts {
        sector: usize,
    },
    /// The names of a folder as they were at one moment, as a journal has them; sectors as in `Parts`.
    Journal {
        sector: usize,
    },
}

/// What exists when the power is back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// With the number of the node: two names may refer to one file.
    File(NodeId, Vec<u8>),
    Folder(BTreeMap<String, Left>),
}

impl Fate {
    /// The smallest that a disk writes as a whole, and a page of the system.
    const SECTORS: [usize; 2] = [512, 4096];

    pub(super) fn choose(random: &mut fastrand::Rng) -> Self {
        let sector = Self::SECTORS[random.usize(..Self::SECTORS.len())];
        match random.u32(..8) {
            0 | 1 => Self::Nothing,
            2 => Self::Everything,
            3 | 4 => Self::Journal { sector },
            _ => Self::Parts { sector },
        }
    }

    fn sector(self) -> usize {
        match self {
            Self::Parts { sector } | Self::Journal { sector } => sector,
            Self::Nothing | Self::Everything => Self::SECTORS[0],
        }
    }
}

/// Cuts the power.
pub(super) fn cut(disk: &Disk, fate: Fate, random: &mut fastrand::Rng) -> BTreeMap<String, Left> {
    match folder(disk, ROOT, fate, random) {
        Left::Folder(names) => names,
        Left::File(..) => unreachable!("the root is a folder"),
    }
}

fn folder(disk: &Disk, node: NodeId, fate: Fate, random: &mut fastrand::Rng) -> Left {
    match &disk.nodes[node] {
        Node::File(file) => Left::File(node, content(file, fate, random)),
        Node::Folder(found) => {
            let names = names(found, fate, random).into_iter();
            Left::Folder(names.map(|(name, node)| (name, folder(disk, node, fate, random))).collect())
        }
    }
}

fn names(folder: &Folder, fate: Fate, random: &mut fastrand::Rng) -> BTreeMap<String, NodeId> {
    let mut names = folder.safe.clone();
    let mut set = |(name, node): &(String, Option<NodeId>)| match node {
        Some(node) => drop(names.insert(name.clone(), *node)),
        None => drop(names.remove(name)),
    };
    match fate {
        Fate::Nothing => {}
        Fate::Everything => folder.since.iter().for_each(set),
        Fate::Journal { .. } => folder.since[..random.usize(..=folder.since.len())].iter().for_each(set),
        Fate::Parts { .. } => {
            let mut by_name: BTreeMap<&str, Vec<&(String, Option<NodeId>)>> = BTreeMap::new();
            for change in &folder.since {
                by_name.entry(&change.0).or_default().push(change);
            }
            for changes in by_name.values() {
                // After some of its changes, or none of them.
                if let Some(last) = random.usize(..=changes.len()).checked_sub(1) {
                    set(changes[last]);
                }
            }
        }
    }
    names
}

fn content(file: &File, fate: Fate, random: &mut fastrand::Rng) -> Vec<u8> {
    let changes = file.since.len();
    match fate {
        Fate::Nothing => file.safe.clone(),
        Fate::Everything => after(file, changes),
        Fate::Parts { .. } | Fate::Journal { .. } => in_parts(file, fate.sector(), random),
    }
}

/// The content after so many changes.
fn after(file: &File, changes: usize) -> Vec<u8> {
    let mut content = file.safe.clone();
    for change in &file.since[..changes] {
        change.apply(&mut content);
    }
    content
}

/// Each sector as it was at some moment, in a file that is as long as it was at another.
fn in_parts(file: &File, sector: usize, random: &mut fastrand::Rng) -> Vec<u8> {
    let moment = random.usize(..=file.since.len());
    let mut content = after(file, moment);
    // A sector that was given up by a truncation is not that of a write after it.
    let cut_off = |change: &Change, end: usize| matches!(change, Change::Truncate { len } if *len < end);
    for start in (0..content.len()).step_by(sector) {
        let end = content.len().min(start + sector);
        let touches = |change: &Change| match change {
            Change::Write { at, bytes } => *at < start + sector && at + bytes.len() > start,
            truncate @ Change::Truncate { .. } => cut_off(truncate, start + sector),
        };
        let from = file.since[..moment].iter().rposition(|change| cut_off(change, start + sector));
        let until = file.since[moment..].iter().position(|change| cut_off(change, start + sector));
        let (from, until) = (from.map_or(0, |at| at + 1), until.map_or(file.since.len(), |at| moment + at));
        let mut moments = vec![from];
        moments.extend((from..until).filter(|at| touches(&file.since[*at])).map(|at| at + 1));
        if moments.len() == 1 {
            continue;
        }
        let then = sector_after(file, moments[random.usize(..moments.len())], start, end);
        content[start..end].copy_from_slice(&then);
    }
    content
}

/// The bytes from `start` to `end` after so many changes; zeros where there were none.
fn sector_after(file: &File, changes: usize, start: usize, end: usize) -> Vec<u8> {
    let mut sector = vec![0; end - start];
    let safe = file.safe.get(start..file.safe.len().min(end)).unwrap_or_default();
    sector[..safe.len()].copy_from_slice(safe);
    for change in &file.since[..changes] {
        match change {
            Change::Write { at, bytes } => {
                let (from, to) = ((*at).max(start), (at + bytes.len()).min(end));
                if from < to {
                    sector[from - start..to - start].copy_from_slice(&bytes[from - at..to - at]);
                }
            }
            Change::Truncate { len } => {
                let from = (*len).clamp(start, end);
                sector[from - start..].fill(0);
            }
        }
    }
    sector
}
