//! Options and function together: what one compile reports.

use crate::errors::assert_errors;
use crate::model::{Flow, Task, Test};

fn task(args: &str, item: &str) -> syn::Result<Task> {
    let (task, checked) = Task::parse(args.parse().unwrap(), item.parse().unwrap());
    checked.map(|()| task.unwrap())
}

#[test]
fn mistakes_of_options_and_function_come_in_one_compile() {
    let date = "`{dat}` is not a parameter of `etl`; it has `date` and `n`; did you mean `date`?";
    assert_errors(
        task(r#"retries = "3", run_name = "etl-{dat}-{n}""#, "const fn etl(date: String, n: u8, _: u8) {}"),
        &[
            ("`retries` takes a whole number, such as `retries = 3`", "\"3\""),
            ("a task cannot be a `const fn`; remove `const`", "const"),
            (date, "{dat}"),
        ],
    );
    let none = "`{}` is not a parameter of `f`; it has no named parameters";
    assert_errors(task(r#"run_name = "{}""#, "fn f() {}"), &[(none, "{}")]);
}

#[test]
fn what_must_be_persisted_is_owned() {
    let always = r#"persist = "always""#;
    let text =
        "the result of this task is persisted, and `&'static str` cannot be read back; return `String`";
    assert_errors(task(always, "fn f() -> Result<&'static str, &'static str> {}"), &[(text, "&")]);
    assert_errors(task("at_most_once", "fn f() -> &'static str {}"), &[(text, "&")]);
    let list = "the result of this task is persisted, and `Vec<&'static str>` cannot be read back; \
                return owned values";
    assert_errors(task(always, "fn f() -> Vec<&'static str> {}"), &[(list, "&")]);
    assert!(task(always, "fn f() -> Result<String, &'static str> {}").is_ok());
    assert!(task(always, "fn f() -> Cow<'static, str> {}").is_ok());
    assert!(task(r#"persist = "auto""#, "fn f() -> &'static str {}").is_ok());
}

#[test]
fn correct_input_becomes_a_model() {
    let args = r#"run_name = "{type}-{n}""#;
    assert!(task(args, "fn f(r#type: u8, mut n: u8) {}").is_ok());
    let (flow, _) = Flow::parse("retries = 2".parse().unwrap(), "async fn f() {}".parse().unwrap());
    assert_eq!(flow.unwrap().options.attempts.retries.unwrap().value, 2);
    let (test, _) = Test::parse("seed = 7".parse().unwrap(), "async fn f() {}".parse().unwrap());
    assert_eq!(test.unwrap().options.seed.unwrap().value, 7);
}
