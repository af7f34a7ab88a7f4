//! Functions of every shape: patterns, generics, constants, inside other functions, with and without a result.

use std::fmt::Display;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use flowkit::prelude::*;

#[task]
async fn counted_down(mut from: u32) -> Vec<u32> {
    let mut steps = Vec::new();
    while from > 0 {
        steps.push(from);
        from -= 1;
    }
    steps
}

#[task]
async fn joined((left, right): (String, u32), [first, .., last]: [u8; 3], _: bool) -> String {
    format!("{left}{right}{first}{last}")
}

#[flow]
async fn patterns() -> Result<(Vec<u32>, String)> {
    #[task]
    async fn pair() -> (String, u32) {
        ("a".into(), 1)
    }
    Ok((counted_down(3).await?, joined::of(pair(), [7, 8, 9], true).await?))
}

#[flowkit::test]
async fn parameters_may_be_patterns() {
    assert_eq!(patterns().await.unwrap(), (vec![3, 2, 1], "a179".to_owned()));
}

#[task]
async fn largest<T>(items: Vec<T>) -> Option<T>
where
    T: Ord + Clone + Send + Sync + 'static,
{
    items.into_iter().max()
}

#[task]
async fn shown<T: Display + Send + Sync + 'static>(value: &T) -> String {
    value.to_string()
}

#[task]
fn shown_blocking<T: Display + Send + Sync + 'static>(value: &T) -> String {
    value.to_string()
}

#[flow]
async fn generics() -> Result<(Option<u8>, Option<String>, String, String)> {
    let words = vec!["b".to_owned(), "c".to_owned()];
    let largest_word = largest(words).submit();
    let number = largest(vec![1u8, 3, 2]).await?;
    let word = (&largest_word).await?.clone();
    #[task]
    async fn seven() -> u32 {
        7
    }
    Ok((number, word, shown::of(seven()).await?, shown_blocking::submit(seven()).await?))
}

#[flowkit::test]
async fn tasks_may_be_generic_with_a_where_clause() {
    let expected = (Some(3), Some("c".to_owned()), "7".to_owned(), "7".to_owned());
    assert_eq!(generics().await.unwrap(), expected);
}

#[task]
async fn head<const N: usize>(items: &[u32]) -> Option<[u32; N]> {
    items.get(..N)?.try_into().ok()
}

#[task]
async fn labelled<T: Display + Send + 'static, const WIDE: bool>(value: T) -> String {
    if WIDE { format!("{value:>4}") } else { value.to_string() }
}

#[flow]
async fn constants() -> Result<(Option<[u32; 2]>, Option<[u32; 4]>, String, String)> {
    let items = counted_down(3).submit();
    let two = head::of(&items).await?;
    let four = head::<4>(&[1, 2, 3]).await?;
    Ok((two, four, labelled::<_, true>(7).await?, labelled::<u32, false>(7).submit().await?))
}

#[flowkit::test]
async fn tasks_may_have_constant_parameters() {
    assert_eq!(constants().await.unwrap(), (Some([3, 2]), None, "   7".to_owned(), "7".to_owned()));
}

#[task]
async fn longer<'a>(left: &'a str, right: &'a str) -> String {
    if left.len() >= right.len() { left.to_owned() } else { right.to_owned() }
}

#[flow]
async fn borrows() -> Result<(String, String)> {
    let local = String::from("local");
    let in_place = longer(&local, "x").await?;
    let text = longer::submit("a", "bc");
    Ok((in_place, longer::of(local.as_str(), &text).await?))
}

#[flowkit::test]
async fn what_is_awaited_borrows_from_locals_beside_handles() {
    assert_eq!(borrows().await.unwrap(), ("local".to_owned(), "local".to_owned()));
}

#[task(retries = 1)]
fn constant_text(text: &'static str, texts: &'static [&'static str]) -> &'static str {
    texts.iter().find(|other| **other > text).copied().unwrap_or(text)
}

#[flow]
async fn constant_texts() -> Result<(&'static str, &'static str)> {
    const TEXTS: &[&str] = &["a", "c"];
    let next = constant_text("b", TEXTS).submit();
    Ok((constant_text::of(&next, TEXTS).await?, next.await?))
}

#[flowkit::test]
async fn what_is_borrowed_for_ever_is_a_value_like_any_other() {
    assert_eq!(constant_texts().await.unwrap(), ("c", "c"));
}

#[flow]
async fn with_two_inner_tasks() -> Result<(u32, u32)> {
    let first = {
        #[task]
        async fn inner() -> u32 {
            1
        }
        inner().await?
    };
    #[task]
    async fn inner() -> u32 {
        2
    }
    Ok((first, inner().await?))
}

#[flowkit::test]
async fn a_task_may_be_declared_inside_a_function_body() {
    let run = with_two_inner_tasks().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &(1, 2));
    assert_eq!(run.task_runs_of("inner").len(), 2);
}

#[task]
async fn noted(into: Arc<AtomicU32>) {
    into.fetch_add(1, Ordering::Relaxed);
}

#[task]
async fn checked(number: u32) -> Result<(), String> {
    if number == 0 { Err("zero".into()) } else { Ok(()) }
}

#[task]
async fn after_unit((): (), done: ()) -> &'static str {
    let () = done;
    "after"
}

#[flow]
async fn units(into: Arc<AtomicU32>) -> Result<&'static str> {
    let unit: () = noted(into.clone()).await?;
    let checked: () = checked(1).await?;
    assert_eq!(unit, checked);
    Ok(after_unit::of(noted(into), ()).await?)
}

#[flowkit::test]
async fn a_task_may_return_nothing_and_hand_it_on() {
    let into = Arc::new(AtomicU32::new(0));
    assert_eq!(units(into.clone()).await.unwrap(), "after");
    assert_eq!(into.load(Ordering::Relaxed), 2);
    assert_eq!(checked(0).await.unwrap_err().task_error().unwrap(), "zero");
}

#[task]
fn plain(number: u32, text: &str) -> String {
    format!("{text}{number}")
}

#[flow]
async fn plain_functions() -> Result<(String, String, Vec<String>)> {
    let local = String::from("l");
    let in_place = plain(1, &local).await?;
    let submitted = plain(2, "s").submit();
    Ok((in_place, submitted.await?, plain::map([3, 4], "m").await?))
}

#[flowkit::test]
async fn a_plain_function_is_called_like_an_async_one() {
    let expected = ("l1".to_owned(), "s2".to_owned(), vec!["m3".to_owned(), "m4".to_owned()]);
    assert_eq!(plain_functions().await.unwrap(), expected);
}
