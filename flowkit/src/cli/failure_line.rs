//! Why a run failed, in one line, for lists. Pictures of a run show failures in another way: see `terminal`.

use crate::model::{ErrorReport, is_passed_on};

/// Names the root cause: `fetch[3]: 404 not found`. How flowkit passed it on is left out.
pub(super) fn why(report: &ErrorReport) -> String {
    let chain: Vec<&str> =
        std::iter::once(&report.message).chain(&report.causes).map(String::as_str).collect();
    let (passed_on, own) = chain.split_at(chain.iter().take_while(|message| is_passed_on(message)).count());
    match (passed_on.last(), own) {
        // flowkit itself ended it, after a timeout for example.
        (Some(last), []) => (*last).to_owned(),
        (Some(last), own) => {
            let name = last.split('`').nth(1).unwrap_or(&report.task);
            format!("{name}: {}", own.join(": "))
        }
        (None, own) => own.join(": "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_short_it_says_what_failed_first_and_not_who_passed_it_on() {
        let report = |messages: &[&str]| {
            let mut report = ErrorReport::new("etl".into(), messages[0].into(), None, "src/main.rs:7".into());
            report.causes = messages[1..].iter().map(|cause| (*cause).to_owned()).collect();
            report
        };
        let (upstream, failed) = ("task `load` did not run: …", "task `fetch[3]` failed after 3 attempts");
        for (messages, short) in [
            (&[upstream, failed, "no answer", "404"][..], "fetch[3]: no answer: 404"),
            (&["no rows", "the file is empty"], "no rows: the file is empty"),
            (&[upstream, "task `fetch[3]` took longer than 3s"], "task `fetch[3]` took longer than 3s"),
        ] {
            assert_eq!(why(&report(messages)), short);
        }
    }
}
