//! Which revision of its repository a program was built from, as a run records it. Only looked for when a run with a store
//! begins, and once for each crate.
//!
//! It reads the files of git instead of asking a program `git`, which a container does not have; so changes that are not
//! committed are not noticed: the digest of the program, which a store records as well, tells two builds apart.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use parking_lot::Mutex;

use crate::model::Declaration;

/// Read when a program is built, and when it runs. Empty: none.
const VARIABLE: &str = "FLOWKIT_GIT_REVISION";

/// The revision of each folder that was asked for.
type Revisions = HashMap<&'static str, Option<Arc<str>>>;

/// Returns the revision of a flow's program: from the environment of the process, or of the build, or else the commit that is
/// checked out in the folder where the crate of the flow was built.
pub(crate) fn of(flow: &Declaration) -> Option<Arc<str>> {
    static AT_RUN_TIME: LazyLock<Option<Arc<str>>> =
        LazyLock::new(|| std::env::var(VARIABLE).ok().map(|set| set.trim().into()));
    static OF_FOLDERS: LazyLock<Mutex<Revisions>> = LazyLock::new(Mutex::default);

    if let Some(set) = &*AT_RUN_TIME {
        return Some(Arc::clone(set)).filter(|set| !set.is_empty());
    }
    if let Some(set) = flow.built_from {
        return Some(set.trim().into()).filter(|set: &Arc<str>| !set.is_empty());
    }
    let folder = flow.built_in?;
    // Of the first run of a crate: a checkout later on does not change the program.
    OF_FOLDERS.lock().entry(folder).or_insert_with(|| checked_out(Path::new(folder)).map(Arc::from)).clone()
}

/// Returns the commit that is checked out in the repository around a folder.
fn checked_out(folder: &Path) -> Option<String> {
    let git = folder.ancestors().map(|folder| folder.join(".git")).find(|git| git.exists())?;
    let git = if git.is_dir() { git } else { linked(&git)? };
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(name) = head.trim().strip_prefix("ref: ") else { return commit(&head) };
    // A work tree has its own `HEAD`, and shares the branches.
    let shared = match fs::read_to_string(git.join("commondir")) {
        Ok(shared) => git.join(shared.trim()),
        Err(_) => git.clone(),
    };
    let loose = [&git, &shared].into_iter().find_map(|git| fs::read_to_string(git.join(name)).ok());
    loose.as_deref().map_or_else(|| packed(&shared, name), commit)
}

/// Follows the file `.git` of a work tree or a submodule.
fn linked(file: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(file).ok()?;
    Some(file.parent()?.join(text.trim().strip_prefix("gitdir: ")?))
}

fn packed(git: &Path, name: &str) -> Option<String> {
    let all = fs::read_to_string(git.join("packed-refs")).ok()?;
    all.lines()
        .find_map(|line| line.split_once(' ').filter(|(_, known)| *known == name))
        .and_then(|(id, _)| commit(id))
}

/// A commit's id, if the text is one.
fn commit(text: &str) -> Option<String> {
    let id = text.trim();
    (matches!(id.len(), 40 | 64) && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "0123456789abcdef0123456789abcdef01234567";
    const OTHER: &str = "76543210fedcba9876543210fedcba9876543210";

    /// Makes these files in a new folder.
    fn made(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, content) in files {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
        root
    }

    #[test]
    fn the_commit_that_is_checked_out_is_found_however_git_stores_it() {
        let branch = "ref: refs/heads/main\n";
        let packed =
            &format!("# pack-refs with: peeled\n{OTHER} refs/heads/old\n{ONE} refs/heads/main\n^{OTHER}\n");
        let line = &format!("{ONE}\n");
        let repositories: [&[(&str, &str)]; 4] = [
            &[(".git/HEAD", line)],
            &[(".git/HEAD", branch), (".git/refs/heads/main", line), (".git/packed-refs", OTHER)],
            &[(".git/HEAD", branch), (".git/packed-refs", packed)],
            // A work tree beside the repository.
            &[
                (".git", "gitdir: main.git/worktrees/one\n"),
                ("main.git/worktrees/one/HEAD", branch),
                ("main.git/worktrees/one/commondir", "../..\n"),
                ("main.git/refs/heads/main", line),
                ("main.git/HEAD", OTHER),
            ],
        ];
        for files in repositories {
            let root = made(files);
            let inside = root.path().join("crates/etl");
            fs::create_dir_all(&inside).unwrap();
            assert_eq!(checked_out(&inside).as_deref(), Some(ONE), "{files:?}");
        }
    }

    #[test]
    fn a_folder_without_a_commit_has_no_revision() {
        let without: [&[(&str, &str)]; 4] = [
            &[(".git/HEAD", "ref: refs/heads/unborn\n")],
            &[(".git/HEAD", "nonsense")],
            &[(".git/index", "")],
            &[(".git", "gitdir: gone\n")],
        ];
        for files in without {
            assert_eq!(checked_out(made(files).path()), None, "{files:?}");
        }
        assert_eq!(checked_out(Path::new("/nowhere/at/all")), None);
    }
}
