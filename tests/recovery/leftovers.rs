//! What a death in the first milliseconds leaves beside the database is gone when the next process opens it.

use std::fs;
use std::path::Path;
use std::process::Child;

use crate::kit::{Folder, aborted, kill, succeeds};

/// The files beside the database and in its lock folder that are unfinished, or have no owner.
fn leftovers(folder: &Folder) -> Vec<String> {
    let names = |path: &Path| {
        let entries = fs::read_dir(path).into_iter().flatten();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect::<Vec<_>>()
    };
    let drafts = names(folder.path()).into_iter().filter(|name| name.starts_with("runs.db.new-"));
    drafts.chain(names(&folder.path().join("runs.db.owners"))).collect()
}

/// A process that is stopped while it creates the database.
fn stopped_while_making(folder: &Folder) -> Child {
    folder.stopped_at("open", "mid-migration:stop:3")
}

#[test]
fn a_draft_of_a_dead_process_is_swept() {
    for time in 1..=5 {
        let folder = Folder::new();
        let failpoint = format!("mid-migration:abort:{time}");
        let died = folder.kit("open", &[]).env("FLOWKIT_FAILPOINT", failpoint).output().unwrap();
        assert!(aborted(died.status), "{died:?}");
        assert!(!leftovers(&folder).is_empty(), "it has left something");
        succeeds(&mut folder.kit("open", &[]));
        assert_eq!(leftovers(&folder), [""; 0], "after the death at place {time}");
    }
}

#[test]
fn a_draft_of_a_living_process_stays_until_it_is_done_or_dies() {
    let folder = Folder::new();
    let (stopped, killed) = (stopped_while_making(&folder), stopped_while_making(&folder));
    succeeds(&mut folder.kit("open", &[]));
    assert_eq!(leftovers(&folder).len(), 4, "two drafts and their locks: {:?}", leftovers(&folder));
    kill(killed);
    let pid = rustix::process::Pid::from_child(&stopped);
    rustix::process::kill_process(pid, rustix::process::Signal::CONT).unwrap();
    // It finds that another one was faster, and that its own draft still exists.
    let done = stopped.wait_with_output().unwrap();
    assert!(done.status.success(), "{done:?}");
    assert_eq!(leftovers(&folder), [""; 0]);
}
