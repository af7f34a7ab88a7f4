//! What the compiler says about a mistake, word for word; and that it says nothing where there is none.
//!
//! One mistake a file in `ui/`, its valid neighbours in `ui/pass/`. After a change of wording:
//! `TRYBUILD=overwrite cargo test -p flowkit-tests --test ui`, and read the difference.
#![forbid(unsafe_code)]

#[test]
fn each_mistake_is_named_where_it_is_made() {
    // One set, so that all files share one build of the dependencies.
    let cases = trybuild::TestCases::new();
    cases.pass("ui/pass/*.rs");
    cases.compile_fail("ui/*.rs");
}
