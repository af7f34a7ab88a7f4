//! The flow that executes a plan, and its tasks.
//!
//! A body learns what to do by looking its content up in the plan, so that its arguments are only its input and the form of it.

use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use flowkit::prelude::*;
use flowkit::{Secret, first_ended, wait_within};
use tokio::time::Instant;

use super::argument::{Client, Closure, Deep, Dressed, NoSerde, Pairs, Plain, Sets};
use super::awkward;
use super::plan::{Combinator, Content, Dress, Kind, Mood, Plan, Planned, Race, Way};
use super::tape::{self, Line};
use crate::flows::{Result, Trouble};
use crate::world::millis;

thread_local! {
    static PLAN: RefCell<Option<(Arc<Plan>, Instant)>> = const { RefCell::new(None) };
}

/// Says which plan bodies of this thread carry out, in a process that begins now.
pub(crate) fn set_plan(plan: Arc<Plan>) {
    PLAN.set(Some((plan, Instant::now())));
}

fn plan() -> (Arc<Plan>, Instant) {
    PLAN.with_borrow(Clone::clone).expect("a plan is set before its flow begins")
}

/// What every body of a planned call does.
async fn body(content: Content, input: u64) -> Result<u64> {
    let key = ctx().idempotency_key().map_or(usize::MAX, |key| tape::key(&key));
    tape::write(Line::Ran { content, input, key });
    let (plan, begun) = plan();
    let Some(planned) = plan.find(content) else { return Ok(content.value(input)) };
    let work = tokio::time::sleep(millis(planned.millis));
    match (planned.mood, plan.told_to_stop_at(tape::process())) {
        (Mood::FailsWhenStopping, Some(_)) => {
            let here = ctx();
            tokio::select! {
                biased;
                () = here.stopping() => return Err(Trouble::new("its child heard the signal, too")),
                () = work => {}
            }
        }
        (Mood::FailsBefore(before), Some(told)) => {
            let moment = begun + Duration::from_millis(told.saturating_sub(before));
            tokio::select! {
                biased;
                () = tokio::time::sleep_until(moment) => return Err(Trouble::new("its child heard the signal first")),
                () = work => {}
            }
        }
        _ => work.await,
    }
    Ok(content.value(input))
}

fn content<D: Dressed>(kind: Kind, dress: &D) -> Content {
    let (number, tenant) = dress.content();
    Content { kind, dress: D::DRESS, number, tenant }
}

/// What a call is given beside its dress.
enum Input<'a> {
    Value(u64),
    Handle(&'a Handle<u64, Trouble>),
}

/// Submits a call of the task `$task`, with its input by value or by handle.
macro_rules! submit {
    ($task:ident, $dress:expr, $input:expr, $content:expr) => {{
        let call = match $input {
            Input::Value(value) => $task::of($dress, value),
            Input::Handle(handle) => $task::of($dress, handle),
        };
        let content = $content;
        call.on_failure(move |_| tape::write(Line::Hook { content })).submit()
    }};
}

/// The tasks over one type of argument: all of them, or those that need not know which call is which.
macro_rules! tasks {
    ($name:ident: $argument:ty) => {
        mod $name {
            use super::*;

            #[task]
            async fn plain(dress: $argument, input: u64) -> Result<u64> {
                body(content(Kind::Plain, &dress), input).await
            }

            #[task(at_most_once)]
            async fn once(dress: $argument, input: u64) -> Result<u64> {
                body(content(Kind::AtMostOnce, &dress), input).await
            }

            #[task(cache = "inputs")]
            async fn cached(dress: $argument, input: u64) -> Result<u64> {
                body(content(Kind::Cached, &dress), input).await
            }

            pub(super) fn submit(content: Content, input: Input<'_>) -> Handle<u64, Trouble> {
                let dress = <$argument>::of(content.number, content.tenant);
                match content.kind {
                    Kind::AtMostOnce => submit!(once, dress, input, content),
                    Kind::Cached => submit!(cached, dress, input, content),
                    _ => submit!(plain, dress, input, content),
                }
            }
        }
    };
    ($name:ident without an identity: $argument:ty) => {
        mod $name {
            use super::*;

            #[task]
            async fn plain(dress: $argument, input: u64) -> Result<u64> {
                body(content(Kind::Plain, &dress), input).await
            }

            pub(super) fn submit(content: Content, input: Input<'_>) -> Handle<u64, Trouble> {
                let dress = <$argument>::of(content.number, content.tenant);
                submit!(plain, dress, input, content)
            }
        }
    };
}

tasks!(of_plain: Plain);
tasks!(of_sets: Sets);
tasks!(of_pairs: Pairs);
tasks!(of_shared: Arc<str>);
tasks!(of_raw_path: PathBuf);
tasks!(of_secret: Secret);
tasks!(of_no_serde without an identity: NoSerde);
tasks!(of_closure without an identity: Closure);
tasks!(of_deep without an identity: Deep);

/// A client that changes nothing about what comes out.
mod of_ignored {
    use super::*;

    fn content(kind: Kind, number: u64) -> Content {
        Content { kind, dress: Dress::Ignored, number, tenant: 0 }
    }

    #[task(ignore(client))]
    async fn plain(client: Client, number: u64, input: u64) -> Result<u64> {
        drop(client);
        body(content(Kind::Plain, number), input).await
    }

    #[task(at_most_once, ignore(client))]
    async fn once(client: Client, number: u64, input: u64) -> Result<u64> {
        drop(client);
        body(content(Kind::AtMostOnce, number), input).await
    }

    #[task(cache = "inputs", ignore(client))]
    async fn cached(client: Client, number: u64, input: u64) -> Result<u64> {
        drop(client);
        body(content(Kind::Cached, number), input).await
    }

    pub(super) fn submit(content: Content, input: Input<'_>) -> Handle<u64, Trouble> {
        macro_rules! submit {
            ($task:ident) => {{
                let call = match input {
                    Input::Value(value) => $task::of(Client::connect(), content.number, value),
                    Input::Handle(handle) => $task::of(Client::connect(), content.number, handle),
                };
                call.on_failure(move |_| tape::write(Line::Hook { content })).submit()
            }};
        }
        match content.kind {
            Kind::AtMostOnce => submit!(once),
            Kind::Cached => submit!(cached),
            _ => submit!(plain),
        }
    }
}

/// A task whose value others use; persisted, or not.
#[task]
async fn source(index: usize) -> Result<u64> {
    make_source(index).await
}

#[task(persist = "never")]
async fn passing_source(index: usize) -> Result<u64> {
    make_source(index).await
}

async fn make_source(index: usize) -> Result<u64> {
    tape::write(Line::Made { source: index });
    let (plan, _) = plan();
    let source = plan.sources[index];
    tokio::time::sleep(millis(source.millis)).await;
    Ok(source.value(index, tape::process()))
}

/// A list that is made from a source, and not persisted: its items are compared one by one.
#[task(persist = "never")]
async fn list(value: u64) -> Vec<u64> {
    vec![value, value + 1]
}

#[task]
async fn item(value: u64, number: u64) -> Result<u64> {
    let content = Content { kind: Kind::Mapped, dress: Dress::Plain, number, tenant: 0 };
    body(content, value).await
}

#[task]
async fn tolerant(outcome: std::result::Result<u64, Error<Trouble>>, number: u64) -> Result<u64> {
    let content = Content { kind: Kind::Tolerant, dress: Dress::Plain, number, tenant: 0 };
    body(content, outcome.unwrap_or_default()).await
}

#[task]
async fn summed(items: Vec<u64>) -> Result<u64> {
    Ok(items.iter().sum())
}

/// Submits the call at one position of the plan; for a map, the sum of its items.
fn submit(planned: &Planned, source: Option<&Handle<u64, Trouble>>, value: u64) -> Handle<u64, Trouble> {
    let content = planned.content;
    let input = match (planned.source, source) {
        (Some((_, Way::Handle)), Some(handle)) => Input::Handle(handle),
        _ => Input::Value(value),
    };
    match (content.kind, content.dress) {
        (Kind::Mapped, _) => {
            let list = match input {
                Input::Handle(handle) => list::submit(handle),
                Input::Value(value) => list(value).submit(),
            };
            summed::submit(item::map(&list, content.number))
        }
        (Kind::Tolerant, _) => match source {
            Some(handle) => tolerant::submit(allow_failure(handle), content.number),
            None => tolerant(Ok(value), content.number).submit(),
        },
        (_, Dress::Plain) => of_plain::submit(content, input),
        (_, Dress::Sets) => of_sets::submit(content, input),
        (_, Dress::Pairs) => of_pairs::submit(content, input),
        (_, Dress::Shared) => of_shared::submit(content, input),
        (_, Dress::RawPath) => of_raw_path::submit(content, input),
        (_, Dress::Ignored) => of_ignored::submit(content, input),
        (_, Dress::Secret) => of_secret::submit(content, input),
        (_, Dress::NoSerde) => of_no_serde::submit(content, input),
        (_, Dress::Closure) => of_closure::submit(content, input),
        (_, Dress::Deep) => of_deep::submit(content, input),
    }
}

#[task]
async fn racer(number: u64) -> Result<u64> {
    race(number).await
}

#[task(persist = "never")]
async fn passing_racer(number: u64) -> Result<u64> {
    race(number).await
}

async fn race(number: u64) -> Result<u64> {
    let (plan, _) = plan();
    tokio::time::sleep(millis(plan.pace(tape::process(), number))).await;
    Ok(number)
}

/// The effect that must not happen twice, with any winner.
#[task(at_most_once)]
async fn place(winner: Option<u64>) -> Result<()> {
    tape::write(Line::Placed { winner });
    Ok(())
}

async fn decide(race: Race) {
    let racers: Vec<_> = (0..race.racers)
        .map(
            |number| if race.are_persisted { racer(number).submit() } else { passing_racer(number).submit() },
        )
        .collect();
    let winner = match race.combinator {
        Combinator::AsCompleted => as_completed(racers).next().await.and_then(|(_, ended)| ended.ok()),
        Combinator::FirstSuccess => first_success(racers).await.ok(),
        Combinator::NextWithin(limit) => {
            let next = as_completed(racers).next_within(millis(limit)).await;
            next.ok().flatten().and_then(|(_, ended)| ended.ok())
        }
        Combinator::WaitWithin(limit) => {
            let (ended, _) = wait_within(racers, millis(limit)).await;
            Some(1000 + ended.len() as u64)
        }
        Combinator::FirstEnded => Some(first_ended([&racers[0], &racers[1]]).await as u64),
    };
    // Refused, if it may have been placed already.
    place(winner).await.ok();
}

/// Makes the calls of a plan in the order that is drawn for this attempt, and writes down what they come to.
#[flow(retries = 2, retry_delay = "10ms")]
pub(crate) async fn identified(seed: u64) -> Result<u64> {
    tape::write(Line::Attempt);
    let plan = Plan::of(seed);
    let (process, attempt) = (tape::process(), ctx().attempt());
    let mut sources: Vec<_> = plan.sources.iter().map(|_| None).collect();
    for index in plan.order(process, attempt, sources.len()) {
        sources[index] = Some(match plan.sources[index].is_persisted {
            true => source(index).submit(),
            false => passing_source(index).submit(),
        });
    }
    let mut values = Vec::new();
    for (index, source) in sources.iter().enumerate() {
        let awaits = plan.calls.iter().any(|call| call.source == Some((index, Way::Value)));
        values.push(match source {
            Some(handle) if awaits => handle.clone().await.unwrap_or_default(),
            _ => 0,
        });
    }
    let mut calls: Vec<_> = plan.calls.iter().map(|_| None).collect();
    for index in plan.order(process, attempt, calls.len()) {
        let planned = &plan.calls[index];
        let (handle, value) = match planned.source {
            Some((source, _)) => (sources[source].as_ref(), values[source]),
            None => (None, 0),
        };
        calls[index] = Some(submit(planned, handle, value));
    }
    if let Some(race) = plan.race {
        decide(race).await;
    }
    for (source, handle) in sources.iter().enumerate() {
        if let Some(handle) = handle {
            tape::write(Line::Source { source, value: handle.clone().await.ok() });
        }
    }
    let mut sum = 0;
    for (planned, handle) in plan.calls.iter().zip(calls.into_iter().flatten()) {
        sum += take(planned, handle).await.unwrap_or_default();
    }
    if plan.awkward {
        awkward::make_all().await;
    }
    if attempt <= plan.fails_first { Err(Trouble::new("not yet")) } else { Ok(sum) }
}

async fn take(planned: &Planned, handle: Handle<u64, Trouble>) -> Option<u64> {
    let ended = handle.await;
    // A failure that is replayed may have been a refusal; bodies that may run once do not fail.
    let refused = matches!(ended, Err(Error::Refused { .. } | Error::Recorded { .. }));
    let source = planned.source.map(|(source, _)| source);
    let value = ended.ok();
    tape::write(Line::Took { content: planned.content, source, value, refused });
    value
}
