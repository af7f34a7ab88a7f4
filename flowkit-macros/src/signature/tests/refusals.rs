//! The message for each refused function.

use super::{parse, task};
use crate::attribute::AttributeKind;
use crate::errors::{assert_errors, report};

#[test]
fn what_a_task_cannot_be_is_refused_with_what_to_do() {
    let table = [
        (
            "fn f(&self) {}",
            "a task is a free function; move it out of the `impl` \
             and take the value as a parameter",
            "self",
        ),
        (
            "fn f() -> Option<Self> { impl A { fn new() -> Self {} } }",
            "a task is a free function; move it out of the `impl` \
             and write the name of the type instead of `Self`",
            "Self",
        ),
        (
            "fn f() -> usize { fn inner() { let a = Self {}; } 0 }",
            "a task is a free function; move it out of the `impl` \
             and write the name of the type instead of `Self`",
            "Self",
        ),
        (
            "fn f(a: &mut u8) {}",
            "a task cannot take `&mut`: it may run again; \
             take the value and return the changed one",
            "mut",
        ),
        (
            "fn f(a: Vec<impl Copy>) {}",
            "a task cannot take `impl Trait`; name the type: `fn name<T: Trait>(value: T)`",
            "impl",
        ),
        ("fn f() -> impl Copy {}", "a task cannot return `impl Trait`; name the type, or box it", "impl"),
        ("unsafe fn f() {}", "a task cannot be an `unsafe fn`; put `unsafe` inside its body", "unsafe"),
        (
            "extern \"C\" fn f() {}",
            "a task cannot be an `extern fn`; call the foreign function in its body",
            "extern",
        ),
        ("const fn f() {}", "a task cannot be a `const fn`; remove `const`", "const"),
        ("fn f(a: &str) -> &str {}", "a task returns owned values; return `String` instead of `&str`", "&"),
        ("fn f(a: &str) -> Result<&[u8], E> {}", "a task returns owned values; clone what it borrows", "&"),
        (
            "fn f<'a>(a: &'a str) -> Cow<'a, str> {}",
            "a task returns owned values; clone what it borrows",
            "'a",
        ),
        (
            "fn f() -> Result<(), Box<dyn std::error::Error>> {}",
            "the error of a task must cross threads, and `Box<dyn std::error::Error>` cannot; \
             write `Box<dyn std::error::Error + Send + Sync>`, or `flowkit::BoxError`",
            "Box<dyn std::error::Error>",
        ),
        ("fn f() -> ! {}", "a task returns a value; write its type, or `()`", "!"),
        (
            "fn f(#[cfg(unix)] a: u8) {}",
            "a parameter cannot have `cfg`; write the function once per case, with `cfg` on each",
            "cfg",
        ),
        (
            "fn f(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8, i: u8, j: u8, k: u8, \
             l: u8, last: u8) {}",
            "a task takes at most 12 parameters, not 13; put some into a struct",
            "last",
        ),
    ];
    for (source, message, underlined) in table {
        assert_errors(task(source), &[(message, underlined)]);
    }
    let variadic = "a task takes a fixed number of parameters; take a `Vec` instead";
    let foreign = "a task cannot be an `extern fn`; call the foreign function in its body";
    let source = "extern \"C\" fn f(a: u8, ...) {}";
    assert_errors(task(source), &[(foreign, "extern"), (variadic, "...")]);
}

#[test]
fn owned_values_may_be_returned() {
    for output in [
        "&'static str",
        "Box<dyn Fn(&u8) -> &u8>",
        "fn(&u8) -> &u8",
        "Result<(), Box<dyn Error + Send + Sync>>",
    ] {
        assert_errors(task(&format!("fn f() -> {output} {{}}")), &[]);
    }
}

#[test]
fn a_flow_owns_its_parameters_and_is_async() {
    let owned = |advice: &str| {
        format!(
            "a flow takes owned values, since it records its parameters \
             and spawns its body; {advice}"
        )
    };
    let table = [
        ("&str", "take `String` instead of `&str`", "&"),
        ("&'static str", "take `String` instead of `&'static str`", "&"),
        ("&[u8]", "take `Vec<u8>` instead of `&[u8]`", "&"),
        ("&[&str]", "take `Vec<String>` instead of `&[&str]`", "&"),
        ("&Path", "take `PathBuf` instead of `&Path`", "&"),
        ("&a::B<C, D>", "take `a::B<C, D>` instead of `&a::B<C, D>`", "&"),
        ("&dyn A", "take `Box<dyn A>` instead of `&dyn A`", "&"),
        ("Vec<&'static str>", "take an owned type instead of `Vec<&'static str>`", "&"),
        ("Vec<&str>", "take an owned type instead of `Vec<&str>`", "&"),
        ("Cow<'_, str>", "take an owned type instead of `Cow<'_, str>`", "'_"),
    ];
    for (ty, advice, underlined) in table {
        let source = format!("async fn f(a: {ty}) {{}}");
        assert_errors(parse(AttributeKind::Flow, &source), &[(&owned(advice), underlined)]);
    }
    let message = "a flow is an `async fn`; write `async` before `fn`";
    assert_errors(parse(AttributeKind::Flow, "fn f() {}"), &[(message, "fn")]);
    assert_errors(parse(AttributeKind::Flow, "async fn f(a: Cow<'static, str>) {}"), &[]);
}

#[test]
fn an_item_that_is_not_a_function_is_refused() {
    let message = "`#[task]` goes on a function";
    let table = [
        ("struct A;", "struct"),
        ("/// Docs. \n pub(crate) const A: u8 = 1;", "const"),
        ("impl A { fn f() {} }", "impl"),
        ("unsafe trait A {}", "unsafe"),
    ];
    for (source, underlined) in table {
        assert_errors(task(source), &[(message, underlined)]);
    }
    let closure = "`#[task]` goes on a function, not on a closure; write `fn`, which a function may contain";
    assert_errors(task("let f = |x: u8| x;"), &[(closure, "let")]);
    let body = "`#[task]` goes on a function with a body";
    assert_errors(task("fn f();"), &[(body, ";")]);
}

#[test]
fn a_second_attribute_of_its_kind_is_refused() {
    let table = [
        ("task", "`#[task]` and `#[task]` cannot be on one function; remove one of them"),
        (
            "flowkit::flow",
            "`#[task]` and `#[flowkit::flow]` cannot be on one function; a function is either a task or a flow",
        ),
        ("test", "`#[task]` and `#[test]` cannot be on one function; call it from a test instead"),
        (
            "tokio::main",
            "`#[task]` and `#[tokio::main]` cannot be on one function; call it from `main` instead",
        ),
    ];
    for (attr, message) in table {
        let underlined = attr.split("::").next().unwrap();
        let found = task(&format!("#[{attr}] fn f() {{}}")).err().map(report);
        let found = found.unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, message);
        assert!(found[0].1.starts_with(underlined));
    }
    let message = "`#[flowkit::test]` and `#[tokio::test]` cannot be on one function; \
                   `#[flowkit::test]` replaces it";
    assert_errors(
        parse(AttributeKind::Test, "#[tokio::test] async fn f(a: u8) {}"),
        &[(message, "tokio::test"), ("a test takes no parameters", "a: u8")],
    );
}
