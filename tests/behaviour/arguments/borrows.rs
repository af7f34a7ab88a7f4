//! Borrows everywhere: behind options and tuples, of trait objects, several lifetimes, closures.

use std::borrow::Cow;
use std::fmt::Display;
use std::io;

use flowkit::prelude::*;

#[task]
async fn greeted(name: Option<&str>, greeting: Cow<'_, str>) -> String {
    format!("{greeting} {}", name.unwrap_or("you"))
}

#[task]
async fn first_of<'a, 'b>(pair: (&'a str, &'b u32), words: &'a [&'b str]) -> String {
    format!("{} {} {}", pair.0, pair.1, words.len())
}

#[task]
async fn shown(value: &(dyn Display + Sync)) -> String {
    value.to_string()
}

#[task]
fn shown_in_place(values: &[&(dyn Display + Sync)], separator: &&str) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
}

#[flow]
async fn from_locals() -> Result<Vec<String>> {
    let (name, words, number) = (String::from("Ada"), vec!["a", "b"], 7);
    let borrowed = format!("{name}!");
    Ok(vec![
        greeted(Some(&name), Cow::Borrowed(&borrowed)).await?,
        greeted(None, "hello".into()).submit().await?,
        first_of((&name, &number), &words).await?,
        shown(&number).await?,
        shown_in_place(&[&name, &number], &", ").await?,
    ])
}

#[flowkit::test]
async fn what_is_awaited_may_borrow_in_any_place() {
    let expected = ["Ada! Ada", "hello you", "Ada 7 2", "7", "Ada, 7"];
    assert_eq!(from_locals().await.unwrap(), expected);
}

#[task]
async fn applied<F, T>(function: F, value: T) -> T
where
    F: Fn(T) -> T + Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    function(value)
}

#[task]
async fn pointed(function: fn(&str) -> usize, texts: &[String]) -> Vec<usize> {
    texts.iter().map(|text| function(text)).collect()
}

#[flow]
async fn functions_as_arguments() -> Result<(u32, u32, Vec<usize>)> {
    let offset = 10;
    let submitted = applied(move |number| number + offset, 1).submit();
    let chained = applied::of(|number: u32| number * 2, &submitted).await?;
    Ok((submitted.await?, chained, pointed(str::len, &["a".into(), "bc".into()]).await?))
}

#[flowkit::test]
async fn functions_and_closures_are_arguments_too() {
    assert_eq!(functions_as_arguments().await.unwrap(), (11, 22, vec![1, 2]));
}

#[task]
#[allow(clippy::too_many_arguments, reason = "twelve are allowed")]
async fn twelve(
    a: u8,
    b: &str,
    c: u8,
    d: u8,
    e: &[u8],
    f: u8,
    g: u8,
    h: u8,
    i: u8,
    j: u8,
    k: u8,
    /// Parameters may be documented.
    r#type: u8,
) -> usize {
    [a, c, d, f, g, h, i, j, k, r#type].len() + b.len() + e.len()
}

#[flow]
async fn many_arguments() -> Result<usize> {
    #[task]
    async fn bytes() -> Vec<u8> {
        vec![1, 2, 3]
    }
    Ok(twelve::of(1, "ab", 1, 1, bytes(), 1, 1, 1, 1, 1, 1, 1).await?)
}

#[flowkit::test]
async fn a_task_may_have_twelve_parameters() {
    assert_eq!(many_arguments().await.unwrap(), 10 + 2 + 3);
}

mod shop {
    use super::*;

    /// Documented, public, with attributes of other crates and of the compiler.
    #[task(name = "Stock")]
    #[allow(clippy::unused_async, unused_variables)]
    #[cfg(not(any()))]
    pub(super) async fn stock(#[allow(unused)] article: &str) -> io::Result<u32> {
        let unused = 1;
        Err(io::Error::other("the shop is closed"))
    }

    #[task]
    #[cfg(any())]
    pub(super) async fn stock(article: NoSuchType) {}
}

#[flowkit::test]
async fn other_attributes_and_visibility_stay_and_any_result_alias_is_a_result() {
    let error: Error<io::Error> = shop::stock("pens").await.unwrap_err();
    assert_eq!(error.task_error().unwrap().kind(), io::ErrorKind::Other);
    assert_eq!(error.to_string(), "task `Stock` failed");
}
