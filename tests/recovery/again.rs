//! What is done again on request stays asked for when the process dies over it.

use std::fs;

use crate::kit::{Folder, aborted, succeeds};

/// Runs the program, and returns what it printed and noted.
fn goes_on(folder: &Folder) -> (String, String) {
    let _ = fs::remove_file(folder.path().join("notes"));
    let output = succeeds(&mut folder.kit("again", &[]));
    (String::from_utf8(output.stdout).unwrap(), folder.notes())
}

#[test]
fn what_was_asked_to_be_done_again_is_done_once_by_the_process_that_resumes_after_a_death() {
    for (dies, left) in
        [("extract", "extract\nclean\nload\n"), ("clean", "clean\nload\n"), ("load", "load\n")]
    {
        let folder = Folder::new();
        let file = |name: &str| folder.path().join(name);
        fs::write(file("source"), "1").unwrap();
        assert_eq!(goes_on(&folder), ("11\n".to_owned(), "extract\nclean\nload\n".to_owned()));
        fs::write(file("source"), "22").unwrap();
        fs::write(file("dies"), dies).unwrap();
        assert!(aborted(folder.kit("again", &[1]).status().unwrap()), "it did not die in {dies}");
        // Once more, by a process that only resumes.
        assert!(aborted(folder.kit("again", &[]).status().unwrap()), "it did not die in {dies} again");
        fs::remove_file(file("dies")).unwrap();
        assert_eq!(goes_on(&folder), ("21\n".to_owned(), left.to_owned()), "after two deaths in {dies}");
        assert_eq!(goes_on(&folder), ("21\n".to_owned(), String::new()), "it has ended");
    }
}
