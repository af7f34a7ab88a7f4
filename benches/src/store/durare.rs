//! The peer `durare`: durable execution on SQLite, in a separate program.
//!
//! A separate program because cargo links SQLite into one program only once, and durare brings another version. That program
//! times the pass itself, so that its start does not count.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::shape::Shape;

/// The built program.
#[derive(Debug)]
pub struct Durare(PathBuf);

impl Durare {
    /// Builds the program below `folder`, which takes minutes for the first time.
    ///
    /// # Errors
    /// If it cannot be built, as without a network when its crates were never downloaded.
    pub fn build(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let target = folder.join("durare");
        let status = Command::new("cargo")
            .args(["build", "--release", "--locked", "--quiet", "--manifest-path"])
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/durare/Cargo.toml"))
            .arg("--target-dir")
            .arg(&target)
            .status()?;
        if status.success() {
            Ok(Self(target.join("release/durare-side")))
        } else {
            Err(format!("`cargo build` of it ended with {status}").into())
        }
    }

    /// One pass over `shape` in a new database at `path`; its time and its result. `None` where it has no such shape.
    ///
    /// # Errors
    /// If the program fails.
    pub fn pass(
        &self,
        shape: Shape,
        path: &Path,
        synchronous: &str,
    ) -> Result<Option<(Duration, u64)>, Box<dyn Error>> {
        let name = match shape {
            Shape::Independent { .. } => "independent",
            Shape::Chain { .. } => "chain",
            _ => return Ok(None),
        };
        let output = Command::new(&self.0)
            .args([name, &shape.tasks().to_string()])
            .arg(path)
            .arg(synchronous)
            .stderr(Stdio::inherit())
            .output()?;
        if !output.status.success() {
            return Err(format!("`durare-side` ended with {}", output.status).into());
        }
        let text = String::from_utf8(output.stdout)?;
        let (nanos, result) = text.trim().split_once(' ').ok_or("`durare-side` said nothing")?;
        Ok(Some((Duration::from_nanos(nanos.parse()?), result.parse()?)))
    }
}
