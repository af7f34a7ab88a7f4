//! A secret is used and never printed: not on the screen, not in a record, not in an answer.

use super::Shell;

const SECRET: &str = "correct-horse";

fn assert_nowhere(shell: &Shell) {
    for typed in ["show", "show --output json", "db export", "doctor", "compare last"] {
        let answer = shell.call_with(&[("FLOWKIT_PARAM_TOKEN", SECRET)], typed).ok();
        assert!(!answer.out.contains(SECRET) && !answer.err.contains(SECRET), "{typed}: {answer:?}");
    }
    for entry in std::fs::read_dir(shell.path().join(".flowkit")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            let bytes = std::fs::read(&path).unwrap();
            let is_in = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
            assert!(!is_in, "{}", path.display());
        }
    }
}

#[test]
fn a_secret_is_used_and_kept_nowhere() {
    let shell = Shell::new();
    shell.write("data.txt", "");
    let typed = format!("run login --user ida --token {SECRET} --file data.txt --output json");
    let answer = shell.call(&typed).ok();
    assert_eq!(answer.line("run.result")["value"], 3 + SECRET.len());
    assert!(!answer.out.contains(SECRET) && !answer.err.contains(SECRET));
    let shown = shell.call("show").ok().out;
    assert!(shown.contains("token  ***"), "{shown}");
    let config =
        shell.call(&format!("run login --user ida --token {SECRET} --file x --show-config")).ok().out;
    assert!(config.contains("***") && !config.contains(SECRET), "{config}");
    assert_nowhere(&shell);
}

#[test]
fn a_run_with_a_secret_goes_on_when_it_is_given_again() {
    let shell = Shell::new();
    let failed = shell.call(&format!("run login --user ida --token {SECRET} --file data.txt"));
    assert_eq!(failed.code, Some(1), "{failed:?}");
    assert!(failed.err.contains("FLOWKIT_PARAM_TOKEN=… pipeline resume "), "{failed:?}");
    let shown = shell.call_with(&[("FLOWKIT_PARAM_TOKEN", SECRET)], "show").ok().out;
    assert!(shown.contains("pipeline resume ") && !shown.contains("TOKEN="), "{shown}");
    shell.write("data.txt", "");
    let without = shell.call("resume");
    assert_eq!(without.code, Some(2), "{without:?}");
    for expected in ["`token` is a secret", "FLOWKIT_PARAM_TOKEN", "--params"] {
        assert!(without.err.contains(expected), "{without:?}");
    }
    let resumed = shell.call_with(&[("FLOWKIT_PARAM_TOKEN", SECRET)], "resume --output json").ok();
    assert_eq!(resumed.line("run.result")["value"], 3 + SECRET.len());
    assert_nowhere(&shell);
}

#[test]
fn a_secret_inside_a_struct_is_given_again_by_itself() {
    let shell = Shell::new();
    let typed = format!("run enter --account.user ida --account.token {SECRET} --file data.txt");
    let failed = shell.call(&typed);
    assert!(failed.err.contains("FLOWKIT_PARAM_ACCOUNT__TOKEN=… pipeline resume "), "{failed:?}");
    shell.write("data.txt", "");
    let without = shell.call("resume");
    assert!(
        without.err.contains("`account` is a secret") && without.err.contains("ACCOUNT__TOKEN"),
        "{without:?}"
    );
    let variable = [("FLOWKIT_PARAM_ACCOUNT__TOKEN", SECRET)];
    let resumed = shell.call_with(&variable, "resume --output json").ok();
    assert_eq!(resumed.line("run.result")["value"], 3 + SECRET.len());
    let again = shell.call_with(&variable, "run enter --like last --output json").ok();
    assert_eq!(again.line("run.result")["value"], 3 + SECRET.len());
    assert_nowhere(&shell);
}

#[test]
fn a_run_without_secrets_goes_on_with_what_was_kept() {
    let shell = Shell::new();
    shell.call("run fragile --file data.txt");
    shell.write("p.yaml", "file: other.txt");
    let refused = shell.call("resume --params p.yaml");
    assert_eq!(refused.code, Some(2));
    assert!(refused.err.contains("is resumed with its persisted arguments"), "{refused:?}");
}
