//! Arguments that cannot be compared: their calls run again, and never get another call's result.

use std::ffi::OsString;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use flowkit::prelude::*;
use flowkit::store::MemoryStore;
use flowkit::{FlowRun, Refusal, Runtime};
use serde::{Deserialize, Serialize};

use crate::captured::Captured;
use crate::states;

/// A client as most tasks take one: serde knows nothing of it.
#[derive(Clone)]
struct Client(&'static str);

/// Calls `of` for both names, in another order in the second attempt, which is the last one.
macro_rules! in_another_order {
    ($first:expr, $second:expr) => {
        match ctx().attempt() {
            1 => {
                $first;
                $second;
                return Err("again".into());
            }
            _ => {
                let second = $second;
                let first = $first;
                Ok((first, second))
            }
        }
    };
}

fn runs_of<T, E>(run: &FlowRun<T, E>, task: &str) -> usize {
    states(run, task).iter().filter(|state| **state == State::Completed).count()
}

#[flowkit::test]
async fn calls_that_cannot_be_told_apart_are_made_again_and_never_change_places() {
    #[task]
    async fn greet(client: Client) -> String {
        client.0.to_owned()
    }
    #[flow(retries = 1)]
    async fn both() -> Result<(String, String)> {
        in_another_order!(greet(Client("a")).await?, greet(Client("b")).await?)
    }

    let run = both().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &("a".to_owned(), "b".to_owned()));
    assert_eq!(runs_of(&run, "greet"), 4);
}

#[flowkit::test]
async fn what_has_content_is_found_again_whatever_it_is_wrapped_in() {
    #[task]
    async fn shared(text: Arc<str>) -> String {
        text.to_string()
    }
    #[task]
    async fn at(path: OsString) -> usize {
        path.len()
    }
    #[flow(retries = 1)]
    async fn both() -> Result<((String, usize), (String, usize))> {
        in_another_order!(
            (shared("a".into()).await?, at(odd(1)).await?),
            (shared("b".into()).await?, at(odd(2)).await?)
        )
    }
    /// A name that is not text, which serde refuses.
    fn odd(length: usize) -> OsString {
        #[cfg(unix)]
        return std::os::unix::ffi::OsStringExt::from_vec(vec![0xff; length]);
        #[cfg(not(unix))]
        return "x".repeat(length).into();
    }

    let run = both().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &(("a".to_owned(), 1), ("b".to_owned(), 2)));
    assert_eq!((runs_of(&run, "shared"), runs_of(&run, "at")), (2, 2));
}

#[flowkit::test]
async fn what_is_ignored_tells_nothing_about_a_call() {
    #[task(ignore(client))]
    async fn fetch(client: &Client, page: u32) -> String {
        format!("{} {page}", client.0)
    }
    #[flow(retries = 1)]
    async fn both() -> Result<(String, String)> {
        let client = Client(if ctx().attempt() == 1 { "first" } else { "second" });
        in_another_order!(fetch(&client, 1).await?, fetch(&client, 2).await?)
    }

    let run = both().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &("first 1".to_owned(), "first 2".to_owned()));
    assert_eq!(runs_of(&run, "fetch"), 2);
}

#[flowkit::test]
async fn an_ignored_handle_may_give_another_value_and_changes_nothing() {
    #[task]
    async fn connect(attempt: u32) -> u32 {
        attempt
    }
    #[task(ignore(client))]
    async fn fetch(client: &u32, page: u32) -> String {
        format!("{client} {page}")
    }
    #[task(at_most_once, ignore(client))]
    async fn pay(page: String, client: u32) -> String {
        format!("{page}, paid by {client}")
    }
    #[flow(retries = 1)]
    async fn orders() -> Result<String> {
        let client = connect(ctx().attempt()).submit();
        let page = fetch::of(&client, 7).submit();
        let paid = pay::of(&page, &client).await?;
        if ctx().attempt() == 1 { Err("again".into()) } else { Ok(paid) }
    }

    let run = orders().run().await;
    assert_eq!(run.result().as_ref().unwrap(), "1 7, paid by 1");
    assert_eq!((runs_of(&run, "connect"), runs_of(&run, "fetch"), runs_of(&run, "pay")), (2, 1, 1));
}

#[flowkit::test]
async fn a_key_stands_for_all_arguments_of_a_call_and_in_the_cache() {
    struct Page {
        id: u32,
        client: Client,
    }
    #[task(key = |page: &Page, part: &u32| (page.id, *part), cache = "inputs")]
    async fn fetch(page: &Page, part: u32) -> String {
        format!("{} {}.{part}", page.client.0, page.id)
    }
    #[flow(retries = 1)]
    async fn both() -> Result<(String, String)> {
        let client = Client(if ctx().attempt() == 1 { "first" } else { "second" });
        let page = |id| Page { id, client: client.clone() };
        in_another_order!(fetch(&page(1), 7).await?, fetch(&page(2), 7).await?)
    }
    #[flow]
    async fn elsewhere() -> Result<String> {
        Ok(fetch(&Page { id: 2, client: Client("third") }, 7).await?)
    }

    let run = both().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &("first 1.7".to_owned(), "first 2.7".to_owned()));
    assert_eq!(runs_of(&run, "fetch"), 2);
    assert_eq!(elsewhere().await.unwrap(), "first 2.7", "the cache goes by the key, too");
}

#[flowkit::test]
async fn a_key_leaves_the_comparing_to_a_handle_where_one_is_given() {
    #[task]
    async fn number() -> u32 {
        7
    }
    #[task(key = |_client, number: &u32| *number)]
    async fn twice(_client: Client, number: u32) -> u32 {
        number * 2
    }
    #[flow(retries = 1)]
    async fn both() -> Result<u32> {
        // The value exists in one attempt and not in the other.
        let number = number().submit();
        if ctx().attempt() == 2 {
            (&number).await?;
        }
        let value = twice::of(Client("a"), &number).await?;
        if ctx().attempt() == 1 { Err("again".into()) } else { Ok(value) }
    }

    let run = both().run().await;
    assert_eq!(run.result().as_ref().unwrap(), &14);
    assert_eq!(runs_of(&run, "twice"), 2, "beside a handle, the client has to be compared");
}

#[flowkit::test]
async fn a_name_stands_for_what_cannot_be_compared_as_long_as_it_is_the_only_one() {
    #[task]
    async fn greet(client: Client) -> String {
        client.0.to_owned()
    }
    #[flow(retries = 1)]
    async fn two_names() -> Result<(String, String)> {
        in_another_order!(greet(Client("a")).named("a").await?, greet(Client("b")).named("b").await?)
    }
    #[flow(retries = 1)]
    async fn one_name() -> Result<(String, String)> {
        in_another_order!(greet(Client("a")).named("x").await?, greet(Client("b")).named("x").await?)
    }

    let expected = ("a".to_owned(), "b".to_owned());
    let run = two_names().run().await;
    assert_eq!((run.result().as_ref().unwrap(), runs_of(&run, "greet")), (&expected, 2));
    let (captured, _guard) = Captured::start();
    let run = one_name().run().await;
    assert_eq!((run.result().as_ref().unwrap(), runs_of(&run, "greet")), (&expected, 4));
    let warned = captured
        .lines()
        .into_iter()
        .any(|line| line.message.contains(r#"two calls of `greet` are named "x""#));
    assert!(warned, "nobody knows otherwise why both run again");
}

/// Nested deeper than anything that is compared.
#[derive(Clone, Serialize, Deserialize)]
struct Deep(Option<Box<Deep>>);

fn deep(levels: u32) -> Deep {
    (0..levels).fold(Deep(None), |inner, _| Deep(Some(Box::new(inner))))
}

#[flowkit::test]
async fn what_may_run_at_most_once_and_cannot_be_told_apart_is_refused_before_it_begins() {
    static PAID: AtomicU32 = AtomicU32::new(0);

    #[task(at_most_once)]
    async fn pay(order: Deep, count: Arc<Mutex<u32>>) -> u32 {
        let _ = order;
        PAID.fetch_add(1, Ordering::SeqCst);
        *count.lock().unwrap()
    }
    #[flow]
    async fn shop(levels: u32) -> Result<u32> {
        Ok(pay(deep(levels), Arc::default()).await?)
    }

    let runtime = Runtime::builder().store(MemoryStore::new()).build();
    for (levels, argument, why) in
        [(1, "count: Arc<Mutex<u32>>", "may change any time"), (300, "order: Deep", "nested deeper")]
    {
        let run = shop(levels).on(&runtime).run().await;
        let refused = &run.task_runs_of("pay")[0];
        let error = refused.error.as_deref().unwrap().to_string();
        assert!(error.contains(argument) && error.contains(why) && error.contains("ignore(…)"), "{error}");
        assert_eq!((refused.state, refused.attempt), (State::Failed, 0), "it has not begun");
    }
    assert_eq!(PAID.load(Ordering::SeqCst), 0);
    assert_eq!(shop(300).await.unwrap(), 0, "nothing can be resumed here, so nothing has to be told apart");
    let refusal = Refusal::NoIdentity { argument: "order: Deep".into(), reason: "because".into() };
    assert!(
        refusal
            .to_string()
            .starts_with("it may run at most once, and its argument `order: Deep` cannot be told")
    );
}

#[flowkit::test]
async fn a_task_that_takes_what_cannot_be_compared_says_so_once_with_the_remedy() {
    #[task]
    async fn load(pool: &Client, page: u32) -> u32 {
        let _ = pool;
        page
    }
    #[flow]
    async fn pages() -> Result<u32> {
        load(&Client("a"), 1).await?;
        Ok(load(&Client("a"), 2).await?)
    }

    let (captured, _guard) = Captured::start();
    pages().await.unwrap();
    let said = |captured: &Captured| {
        let lines = captured.lines().into_iter().filter(|line| line.message.contains("`load` takes"));
        lines.map(|line| line.message).collect::<Vec<_>>()
    };
    assert_eq!(said(&captured), [""; 0], "nothing can be resumed here");
    let runtime = Runtime::builder().store(MemoryStore::new()).build();
    for _ in 0..2 {
        pages().on(&runtime).await.unwrap();
    }
    assert_eq!(
        said(&captured),
        [
            "`load` takes `pool: &Client`, which cannot be compared, so a retried flow or a resumed run makes its calls \
          again; if it does not change what comes out, say `#[task(ignore(pool))]`, else derive `serde::Serialize` for \
          it, or give `key = |…| …`"
        ]
    );
}
