//! Verbs that other tools have under other names. Only for the message about an unknown verb.

/// The verbs of other tools, and what to type here.
const WORDS: [(&[&str], &str); 11] = [
    (
        &["flow-run", "flow-runs", "task-run"],
        "`runs`, `show`, `logs`, `cancel` and `retry` do without that word",
    ),
    (&["ls", "dag", "dags"], "`list` lists the flows, and `runs` the runs"),
    (&["history", "list-runs", "jobs"], "here that is `runs`"),
    (&["inspect", "describe", "status", "state", "info", "task", "tasks"], "here that is `show`"),
    (&["start", "trigger", "execute", "exec", "test"], "here that is `run`"),
    (
        &["stop", "kill", "abort", "pause"],
        "here that is `cancel`; a run that Ctrl-C suspended can be resumed",
    ),
    (&["clear", "restart"], "here that is `rerun --from <task>`, or `retry` for what failed"),
    (&["delete", "rm", "remove", "prune", "clean"], "here that is `db gc`, for runs of some age"),
    (&["tail"], "here that is `logs -f`"),
    (&["version", "config", "check"], "here that is `doctor`"),
    (
        &["deploy", "deployment", "serve", "schedule", "schedules", "worker", "agent", "cron"],
        "not there yet: let cron or a systemd timer call `run`, as docs/cron.md of flowkit shows",
    ),
];

/// Returns what to type here instead of a verb of another tool.
pub(super) fn here(typed: &str) -> Option<&'static str> {
    WORDS.iter().find(|(words, _)| words.contains(&typed)).map(|(_, here)| *here)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::grammar::verb_names;
    use crate::cli::program::CliProgram;

    #[test]
    fn no_word_of_others_is_one_of_ours_and_what_is_named_is() {
        let ours = verb_names(&CliProgram::new(Some("mybin"), Vec::new()));
        for (words, here) in WORDS {
            assert!(words.iter().all(|word| !ours.iter().any(|verb| verb == word)), "{words:?}");
            let named = here.split('`').skip(1).step_by(2).filter_map(|named| named.split(' ').next());
            named.for_each(|verb| assert!(ours.iter().any(|known| known == verb), "{verb}"));
        }
    }
}
