//! The compile error for each mistake, word for word; and no error for correct code.
//!
//! One mistake per file in `ui/`, valid code in `ui/pass/`. After a change of wording, run
//! `TRYBUILD=overwrite cargo test -p flowkit-tests --test ui` and review the diff.
#![forbid(unsafe_code)]

#[test]
fn each_mistake_is_named_where_it_is_made() {
    // One set, so that all files share one build of the dependencies.
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/*.rs");
}
