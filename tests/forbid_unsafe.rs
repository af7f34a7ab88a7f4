//! Generated code is clean: this crate forbids `unsafe` and refuses every warning of rustc and of clippy's
//! pedantic group, and uses each form of each attribute. That it compiles is most of the test.
#![forbid(unsafe_code)]
#![deny(warnings)]
#![deny(
    missing_debug_implementations,
    missing_docs,
    non_ascii_idents,
    rust_2018_idioms,
    trivial_casts,
    trivial_numeric_casts,
    unreachable_pub,
    unused_import_braces,
    unused_lifetimes,
    unused_qualifications
)]
#![deny(clippy::all, clippy::pedantic)]
#![allow(
    clippy::unused_async,
    clippy::needless_pass_by_value,
    clippy::many_single_char_names,
    clippy::missing_errors_doc,
    clippy::multiple_bound_locations,
    clippy::must_use_candidate,
    clippy::ptr_arg,
    clippy::used_underscore_binding,
    reason = "the forms of a signature, not what is in it, are the point here"
)]

use std::collections::BTreeMap;
use std::fmt::Display;

use flowkit::prelude::*;
use flowkit::{BoxError, Runtime, State, TaskRun, limits};

/// Forms of a task's signature.
pub mod signatures {
    use super::{BTreeMap, Display, flow, task};

    /// Takes nothing and returns nothing.
    #[task]
    pub async fn nothing() {}

    /// A plain function.
    #[task]
    pub fn plain(a: u32, b: u32) -> u32 {
        a + b
    }

    /// Borrows what it takes.
    #[task]
    pub async fn borrows(text: &str, list: &[u32], whole: &Vec<u32>) -> usize {
        text.len() + list.len() + whole.len()
    }

    /// A plain function that borrows.
    #[task]
    pub fn borrows_plainly<'a>(text: &'a str, other: &'a str) -> usize {
        text.len().max(other.len())
    }

    /// Patterns as parameters.
    #[task]
    pub async fn patterns(
        mut number: u32,
        (a, b): (u32, u32),
        [first, ..]: [u32; 3],
        _: u8,
        _unused: u8,
    ) -> u32 {
        number += a + b;
        number + first
    }

    /// Raw names.
    #[task(run_name = "of type {type}")]
    pub async fn r#match(r#type: String) -> String {
        r#type
    }

    /// Generic over types, with bounds in both places.
    #[task]
    pub async fn generic<T: Display + Clone, K>(shown: T, keyed: BTreeMap<K, T>) -> String
    where
        T: Send + Sync + 'static,
        K: Ord + Display + Clone + Send + Sync + 'static,
    {
        keyed.iter().fold(shown.to_string(), |text, (key, value)| format!("{text} {key}={value}"))
    }

    /// Generic over what is read from anything.
    #[task]
    pub async fn read_from_any<T>(value: T) -> T
    where
        T: for<'de> serde::Deserialize<'de> + serde::Serialize,
        for<'a> &'a T: Send,
    {
        value
    }

    /// Generic over a number.
    #[task]
    pub fn counted<const N: usize>(list: [u32; N]) -> usize {
        list.len()
    }

    /// A custom error type.
    #[task]
    pub async fn fallible(text: String) -> Result<u32, std::num::ParseIntError> {
        text.parse()
    }

    /// An error of any type, and an alias of the result.
    #[task]
    pub async fn boxed(text: &str) -> flowkit::prelude::Result<u32> {
        Ok(text.parse()?)
    }

    /// Many parameters.
    #[task]
    #[allow(clippy::too_many_arguments, reason = "a lint of the user's own")]
    #[must_use = "an attribute of the user's own"]
    pub async fn many(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8, g: u8, h: u8) -> [u8; 8] {
        [a, b, c, d, e, f, g, h]
    }

    /// Only there in tests.
    #[cfg(test)]
    #[task]
    pub async fn conditional() -> bool {
        true
    }

    /// Never there.
    #[cfg(not(test))]
    #[task]
    pub async fn conditional() -> bool {
        false
    }

    #[task]
    pub(crate) async fn visible_in_the_crate() -> u32 {
        1
    }

    #[task]
    pub(super) async fn visible_above() -> u32 {
        1
    }

    #[task]
    async fn visible_here() -> u32 {
        1
    }

    /// A flow without an error type.
    #[flow]
    pub async fn infallible(number: u32) -> u32 {
        visible_here().await.unwrap_or(0) + number
    }

    /// A generic flow.
    #[flow]
    pub async fn generic_flow<T>(shown: T) -> flowkit::prelude::Result<String>
    where
        T: Display + Clone + Send + Sync + 'static,
    {
        Ok(generic(shown, BTreeMap::<u8, T>::new()).await?)
    }
}

/// Every option of the attributes.
pub mod options {
    use super::{BoxError, Handle, State, TaskRun, flow, task};

    fn seen(run: &TaskRun) {
        assert_ne!(run.state, State::Pending);
    }

    /// Every option of a task.
    #[task(
        name = "Everything",
        description = "All options at once",
        version = 2,
        tags = ["a", "b"],
        run_name = "everything {number}",
        retries = 3,
        retry_delay = "1s",
        backoff = "exponential",
        max_retry_delay = "1m",
        jitter = 0.5,
        retry_if = |error| error.len() > 1,
        timeout = "1h",
        cache = "inputs",
        cache_ttl = "1h",
        persist = "always",
        at_most_once = false,
        concurrency = ["gpu", "cpu:2"],
        trigger = "none_failed",
        on_running = seen,
        on_success = |run| seen(run),
        on_failure = [seen, |_| ()],
        on_retry = seen,
        on_cancel = seen
    )]
    pub async fn everything(number: u32) -> Result<u32, String> {
        Ok(number)
    }

    /// The other ways to say some of it.
    #[task(version = "x", tags = "a", retries = 2, retry_delay = ["1s", "5s"], concurrency = "gpu:2", cache = |a, _b| *a)]
    pub fn otherwise(a: u32, b: &str) -> Result<usize, BoxError> {
        Ok(a as usize + b.len())
    }

    /// Cached in its run.
    #[task(cache = "run", backoff = "linear", retry_delay = "1s", retries = 1)]
    pub async fn once_in_a_run(number: u64) -> u64 {
        number
    }

    /// Made once, and never made again.
    #[task(at_most_once)]
    pub async fn pay(amount: u32) -> Result<u32, String> {
        Ok(amount)
    }

    /// Never persisted.
    #[flow(persist = "never", durability = "memory")]
    pub async fn forgetful((a, b): (u32, u32), r#type: String) -> (u32, String) {
        (a + b, r#type)
    }

    /// Every option of a flow.
    #[flow(
        name = "The whole",
        description = "All options at once",
        version = "1",
        tags = ["nightly"],
        run_name = "the whole {number}",
        retries = 1,
        retry_delay = "1s",
        timeout = "1h",
        max_concurrency = 4,
        task_defaults(retries = 1, retry_delay = ["1s", "2s"], max_retry_delay = "3s", jitter = 0.1, timeout = "1h"),
        fail_on_any_task,
        persist = "auto",
        durability = "relaxed",
        on_running = seen,
        on_success = seen,
        on_failure = seen,
        on_retry = seen,
        on_cancel = [seen]
    )]
    pub async fn the_whole(number: u32) -> Result<(usize, Handle<u64, std::convert::Infallible>), BoxError> {
        let first = everything(number).submit();
        let second = otherwise::of(&first, "text").await?;
        Ok((second, once_in_a_run(7).submit()))
    }
}

#[flowkit::test(seed = 7)]
async fn every_option_compiles_cleanly_and_runs() {
    limits::set("gpu", 2);
    let run = options::the_whole(3).run().await;
    assert_eq!(run.state(), State::Completed, "{run:?}");
    assert_eq!(run.graph().name(), "the whole 3");
    assert_eq!(run.task_runs()[0].label(), "everything 3");
    assert_eq!(run.result().as_ref().map(|(size, _)| *size).ok(), Some(7));
    assert_eq!(options::pay(1).await.unwrap(), 1);
    assert_eq!(options::forgetful((1, 2), "x".into()).await.unwrap(), (3, "x".to_owned()));
    let id: flowkit::FlowRunId = serde_json::from_str(r#""00000000-0000-0000-0000-000000000000""#).unwrap();
    let _ = (options::the_whole::resume(id), signatures::generic_flow::resume::<u8>(id));
}

#[flowkit::test]
async fn every_signature_compiles_cleanly_and_runs() -> Result<()> {
    use signatures as s;
    s::nothing().await?;
    assert_eq!(s::plain(1, 2).await?, 3);
    let list = vec![1, 2];
    assert_eq!(s::borrows("abc", &list, &list).await?, 7);
    assert_eq!(s::borrows_plainly("abc", "de").await?, 3);
    assert_eq!(s::patterns(1, (2, 3), [4, 5, 6], 0, 0).await?, 10);
    assert_eq!(s::r#match("x".into()).await?, "x");
    assert_eq!(s::generic(1, BTreeMap::from([("a", 2)])).await?, "1 a=2");
    assert_eq!(s::read_from_any(1).await?, 1);
    assert_eq!(s::counted([1, 2, 3]).await?, 3);
    assert!(s::fallible("x".into()).await.is_err());
    assert_eq!(s::boxed("4").await?, 4);
    assert_eq!(s::many(1, 2, 3, 4, 5, 6, 7, 8).await?.len(), 8);
    assert!(s::conditional().await?);
    assert_eq!(s::visible_in_the_crate().await? + s::visible_above().await?, 2);
    assert_eq!(s::infallible(1).await?, 2);
    assert_eq!(s::generic_flow("shown").await?, "shown");
    Ok(())
}

#[flow]
async fn every_way_to_call() -> Result<u32> {
    use signatures as s;
    s::nothing::skip("not needed");
    let sum = s::plain::submit(1, 2);
    let mapped = s::plain::map([1, 2], &sum);
    let zipped = s::plain::map(&mapped, each([1, 2]));
    let raw = s::plain::raw(1, 2);
    let call = s::plain::of(&sum, raw).named("sum").tags(["t"]).submit();
    Ok(zipped.await?.iter().sum::<u32>() + call.await?)
}

#[flowkit::test]
async fn every_way_to_call_compiles_cleanly_and_runs() {
    assert_eq!(every_way_to_call().on(&Runtime::builder().build()).await.unwrap(), 4 + 5 + 1 + 2 + 6);
    let plain = signatures::plain::mock(|a, b| async move { a * b });
    assert_eq!((signatures::plain(3, 4).await.unwrap(), plain.calls()), (12, 1));
}

#[flowkit::test]
async fn attributes_work_inside_a_function() -> Result<()> {
    #[task]
    async fn inner(number: u32) -> u32 {
        number
    }

    #[flow]
    async fn local() -> Result<u32> {
        Ok(inner(1).await? + inner::of(inner(2).submit()).await?)
    }

    assert_eq!(local().await?, 3);
    Ok(())
}

#[flowkit::test]
fn a_test_may_be_a_plain_function() {
    assert_eq!(signatures::plain::raw(1, 2), 3);
}
