//! What the types of a task must implement, beside [`TaskOutput`](crate::TaskOutput) and [`TaskError`](crate::TaskError):
//! each rule with its compiler message.
//!
//! The attributes call the functions with the user's types, so that a broken rule is reported once, at the type.

use std::fmt::Display;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::engine::call_key::CallKey;
use crate::model::{Digest, DigestError};
use crate::value::canonical::{Sealing, sealed_digest};

// If a rule is about a type by value, the type is a parameter of the trait: otherwise the compiler would suggest to borrow
// it, and not show our message.

/// Retrying a call, or cloning an argument for a retry.
pub struct Retry;

/// A call whose arguments can be cloned, so that it can be retried.
#[diagnostic::on_unimplemented(
    message = "this call cannot be retried, because one of its arguments is not `Clone`",
    label = "a retry needs the arguments again",
    note = "derive `Clone` for the argument, put an `Arc` around it, or let the task take it by reference"
)]
pub trait CanRepeat<Call> {}

#[diagnostic::do_not_recommend]
impl<B: Clone> CanRepeat<B> for Retry {}

/// An argument of a task that has retries.
#[diagnostic::on_unimplemented(
    message = "a task with retries cannot take `{Argument}`, because it is not `Clone`",
    label = "a retry needs this argument again",
    note = "derive `Clone` for it, put an `Arc` around it, or take it by reference"
)]
pub trait CanTake<Argument> {}

#[diagnostic::do_not_recommend]
impl<T: Clone> CanTake<T> for Retry {}

/// An argument of a task that is cached by its inputs.
#[diagnostic::on_unimplemented(
    message = "a task that is cached by its inputs cannot take `{Self}`, because it is not `Serialize`",
    label = "the key of the cache is made of this argument",
    note = "derive `serde::Serialize` for it, or give a key: `cache = |…| key`, with a reference to each argument"
)]
pub trait InCacheKey: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> InCacheKey for T {}

/// The result of `cache = |…| key`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a cached result, because it is not `Serialize`",
    label = "this gives the key",
    note = "give something like a `String`, a number or a tuple of them"
)]
pub trait CacheKey: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> CacheKey for T {}

/// The result of `key = |…| key`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a call, because it is not `Serialize`",
    label = "this gives the key",
    note = "give something like a `String`, a number or a tuple of them"
)]
pub trait TellsApart: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> TellsApart for T {}

/// An argument of a task whose calls must be distinguishable: `at_most_once`, or `persist = "always"`.
#[diagnostic::on_unimplemented(
    message = "a task that is `at_most_once` or `persist = \"always\"` cannot take `{Self}`, because it is not `Serialize`",
    label = "two calls that differ only in this could not be told apart after a crash",
    note = "derive `serde::Serialize` for it; or say `ignore(…)` if it does not change what comes out, or give `key = |…| key`"
)]
pub trait CanBeCompared: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> CanBeCompared for T {}

/// A parameter in `run_name = "{…}"`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a run's name, because it is not `Display`",
    label = "this shows the parameter",
    note = "implement `std::fmt::Display` for it, or leave it out"
)]
pub trait InRunName: Display {}

#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> InRunName for T {}

/// The result of a task that is cached.
#[diagnostic::on_unimplemented(
    message = "a cached task cannot return `{Value}`, because it is not `Clone`",
    label = "everyone who asks the cache gets a copy of this",
    note = "derive `Clone` for it, or put an `Arc` around it"
)]
pub trait CanPersist<Value> {}

#[diagnostic::do_not_recommend]
impl<T: Clone> CanPersist<T> for Cache {}

pub struct Cache;

/// The result of a task that must be persisted: `persist = "always"`, or `at_most_once`.
#[diagnostic::on_unimplemented(
    message = "the result `{Value}` cannot be kept, because it is not `Serialize + Deserialize`",
    label = "flowkit keeps this result beyond the process",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it, without borrowed fields",
    note = "or let it be made again after a crash: `persist = \"auto\"`, and not `at_most_once`"
)]
pub trait CanReadBack<Value> {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + DeserializeOwned> CanReadBack<T> for Store {}

pub struct Store;

/// A return type with another name than `Result`.
pub struct Returned<T>(PhantomData<T>);

impl<T> Returned<T> {
    #[allow(clippy::new_without_default, reason = "called by generated code only")]
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<T, E> Returned<Result<T, E>> {
    /// Takes precedence over the method of the same name in [`NoResult`].
    pub fn asked(self) -> Known<ResultByAnotherName> {
        Known(PhantomData)
    }
}

/// Any other type.
pub trait NoResult: Sized {
    fn asked(self) -> Known<Plain> {
        Known(PhantomData)
    }
}

impl<T> NoResult for Returned<T> {}

pub enum Plain {}
pub enum ResultByAnotherName {}

/// What is known about a return type.
pub struct Known<R>(PhantomData<R>);

impl<R> Known<R> {
    pub fn every_value_is_a_success(self)
    where
        R: EveryValueIsASuccess,
    {
    }
}

/// A return type whose every value is a success.
#[diagnostic::on_unimplemented(
    message = "a task cannot return a `Result` that has another name",
    label = "flowkit goes by the name: it would take an `Err` of this for a success",
    note = "write it out as `Result<…, …>`, or give the alias the name `Result`"
)]
pub trait EveryValueIsASuccess {}

impl EveryValueIsASuccess for Plain {}

pub fn taken_again<Argument>()
where
    Retry: CanTake<Argument>,
{
}

pub fn cached_output<Value>()
where
    Cache: CanPersist<Value>,
{
}

pub fn persisted_output<Value>()
where
    Store: CanReadBack<Value>,
{
}

pub fn digest_argument<Argument: InCacheKey + ?Sized>(
    argument: &Argument,
    sealing: Sealing<'_>,
) -> Result<Digest, DigestError> {
    sealed_digest(argument, sealing)
}

pub fn digest_key<Key: CacheKey>(key: &Key, sealing: Sealing<'_>) -> Result<Digest, DigestError> {
    sealed_digest(key, sealing)
}

pub fn compared_argument<Argument: CanBeCompared + ?Sized>() {}

pub fn add_key<Key: TellsApart>(call: &mut CallKey<'_>, key: &Key) {
    call.argument("key").value(key);
}

pub fn in_run_name<Argument: InRunName + ?Sized>(argument: &Argument) -> String {
    argument.to_string()
}
