//! What the types of a task must implement, beside [`TaskOutput`](crate::TaskOutput) and [`TaskError`](crate::TaskError):
//! each rule with its compiler message.
//!
//! The attributes call the functions with the user's types, so that a broken rule is reported once, at the type.

use std::fmt::{Debug, Display};
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
    label = "this argument is part of the cache key",
    note = "derive `serde::Serialize` for it; or write `ignore(…)` if it does not affect the result, or `cache = |…| …` for a key \
            of your own, from a reference to each argument"
)]
pub trait InCacheKey: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> InCacheKey for T {}

/// The result of `cache = |…| key`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a cached result, because it is not `Serialize`",
    label = "this returns the key",
    note = "return a `String`, a number, or a tuple of such values"
)]
pub trait CacheKey: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> CacheKey for T {}

/// The result of `key = |…| key`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a call, because it is not `Serialize`",
    label = "this returns the key",
    note = "return a `String`, a number, or a tuple of such values"
)]
pub trait TellsApart: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize> TellsApart for T {}

/// An argument of a task whose calls must be distinguishable: `at_most_once`, or `persist = "always"`.
#[diagnostic::on_unimplemented(
    message = "a task that is `at_most_once` or `persist = \"always\"` cannot take `{Self}`, because it is not `Serialize`",
    label = "after a crash, two calls that differ only in this could not be distinguished",
    note = "derive `serde::Serialize` for it (for a type parameter, write `T: Serialize`); or write `ignore(…)` if it does not \
            affect the result, or `key = |…| …` for what distinguishes calls"
)]
pub trait CanBeCompared: Serialize {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + ?Sized> CanBeCompared for T {}

/// What `run_name = "{…}"` shows: a parameter, or a field of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a run's name, because it is not `Display`",
    label = "this shows it",
    note = "show it with `Debug`, as in `{{page:?}}`, or one of its fields, as in `{{page.number}}`; or implement \
            `std::fmt::Display` for it"
)]
pub trait InRunName: Display {}

#[diagnostic::do_not_recommend]
impl<T: Display + ?Sized> InRunName for T {}

/// The same for `run_name = "{…:?}"`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be part of a run's name as `{{:?}}`, because it is not `Debug`",
    label = "this shows it",
    note = "derive `Debug` for it, or show one of its fields, as in `{{page.number}}`"
)]
pub trait DebugInRunName: Debug {}

#[diagnostic::do_not_recommend]
impl<T: Debug + ?Sized> DebugInRunName for T {}

/// The result of a task that is cached.
#[diagnostic::on_unimplemented(
    message = "a cached task cannot return `{Value}`, because it is not `Clone`",
    label = "each call that finds this in the cache gets a copy",
    note = "derive `Clone` for it, or put an `Arc` around it"
)]
pub trait CanPersist<Value> {}

#[diagnostic::do_not_recommend]
impl<T: Clone> CanPersist<T> for Cache {}

pub struct Cache;

/// The result of a task that must be persisted: `persist = "always"`, or `at_most_once`.
#[diagnostic::on_unimplemented(
    message = "the result `{Value}` cannot be persisted, because it is not `Serialize + Deserialize`",
    label = "this result must outlive the process",
    note = "derive `serde::Serialize` and `serde::Deserialize` for it, without borrowed fields; for a type parameter, write \
            `T: Serialize + DeserializeOwned`",
    note = "or let a resumed run compute it again: `persist = \"auto\"`, without `at_most_once`"
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
    label = "flowkit knows a `Result` by its name: an `Err` of this would count as a success",
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

/// Returns it boxed: of a type that names `Shown`, `format!` would report the broken rule a second time.
pub fn in_run_name<Shown: InRunName + ?Sized>(shown: &Shown) -> Box<dyn Display + '_> {
    Box::new(shown)
}

pub fn debug_in_run_name<Shown: DebugInRunName + ?Sized>(shown: &Shown) -> Box<dyn Debug + '_> {
    Box::new(shown)
}
