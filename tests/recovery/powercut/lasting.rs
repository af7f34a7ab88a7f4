//! What the flow of `testkit/lasting.rs` must have left behind in the end.

use std::collections::BTreeSet;
use std::fs;
use std::ops::Range;

use super::stage::Stage;
use crate::kit::{Found, must};

/// Judges the run of these chapters: nothing that was relied on ran again, its outputs exist, and its sum is that of a single
/// version: the newest that anything relied on, or a newer one.
pub(super) fn judge(stage: &Stage, chapters: Range<u64>) -> Result<(), String> {
    let notes = stage.folder().notes();
    let mine: Vec<&str> = notes.lines().filter(|line| concerns(line, &chapters)).collect();
    Found::try_read(&mine.join("\n"))?;
    let relied = mine.iter().filter(|line| line.starts_with("relied")).map(|line| version_of(line));
    let oldest = relied.max().unwrap_or(0);
    let sums: BTreeSet<u64> =
        notes.lines().filter_map(|line| line.strip_prefix("sum ")?.parse().ok()).collect();
    let possible = (oldest..=1).map(|version| (version, chapters.clone().map(|k| k + 1000 * version).sum()));
    let came_to = possible.filter(|(_, sum)| sums.contains(sum)).map(|(version, _)| version).next_back();
    let version = came_to.ok_or_else(|| format!("the sums are {sums:?}, with version {oldest} or later"))?;
    for k in chapters {
        let output = fs::read_to_string(stage.disk().join("outputs").join(k.to_string()));
        let output = output.map_err(|error| format!("the output {k} is lost: {error}"))?;
        let line = format!("text {k} v{version}");
        let whole = output.len() >= 10 * (line.len() + 1) && output.lines().all(|found| found == line);
        must(whole, || format!("the output {k} is not that of version {version}"))?;
    }
    Ok(())
}

/// Whether a note is about one of these chapters. Words are shared by all runs that have them.
fn concerns(line: &str, chapters: &Range<u64>) -> bool {
    let mut words = line.split(' ').skip(1);
    let (Some(task), Some(Ok(k))) = (words.next(), words.next().map(str::parse::<u64>)) else { return false };
    match task {
        "look_up" => chapters.clone().any(|chapter| chapter % 100 == k),
        _ => chapters.contains(&k),
    }
}

fn version_of(line: &str) -> u64 {
    line.rsplit_once(" v").and_then(|(_, version)| version.parse().ok()).unwrap_or(0)
}
