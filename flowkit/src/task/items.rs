//! The parameters of `map`: a list of items, a list that is still pending, or a constant beside it.

use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::engine::handle::{Handle, Handles};
use crate::engine::task_run::inputs::Cause;
use crate::engine::task_run::slot::Slot;
use crate::model::{CallId, TaskError};
use crate::task::args::{Arg, ByRef, ByValue, Copied, IntoArg, Lender, Lent, ParamMode};
use crate::task::inputs::Element;

/// The items of a mapped parameter.
#[doc(hidden)]
pub enum Items<H> {
    Known(Vec<H>),
    /// They come with a pending list, whose identity is `of`.
    Later {
        items: BoxFuture<'static, Result<Vec<H>, Cause>>,
        of: Option<CallId>,
    },
}

/// A parameter of `map` beside the first.
#[doc(hidden)]
pub enum Column<H> {
    /// The same for all, and how to copy it: a task that is not mapped may have parameters that are not `Clone`.
    Constant(H, fn(&H) -> H),
    Items(std::vec::IntoIter<H>),
    Later(BoxFuture<'static, Result<Vec<H>, Cause>>),
}

impl<H> Column<H> {
    pub fn is_later(&self) -> bool {
        matches!(self, Self::Later(_))
    }

    /// Waits for the items, if they are pending.
    pub async fn resolve(self) -> Result<Self, Cause> {
        match self {
            Self::Later(items) => Ok(Self::Items(items.await?.into_iter())),
            known => Ok(known),
        }
    }

    /// Returns the number of items; `None` for a constant.
    pub fn rows(&self) -> Option<usize> {
        match self {
            Self::Items(items) => Some(items.len()),
            Self::Constant(..) | Self::Later(_) => None,
        }
    }

    /// Returns the item of the next row.
    pub fn next_row(&mut self) -> H {
        match self {
            Self::Constant(held, copy) => copy(held),
            Self::Items(items) => {
                items.next().expect("bug in flowkit: lengths are compared before any row is made")
            }
            Self::Later(_) => unreachable!("bug in flowkit: a column was read before it was resolved"),
        }
    }
}

/// Something to map over: an iterator of values, handles or calls; [`Handles`]; a [`Handle`] of a `Vec`.
#[diagnostic::on_unimplemented(
    message = "expected items for a parameter `{P}`, found `{Self}`",
    label = "neither a list of what gives `{P}`, nor `Handles`, nor a handle of a `Vec`",
    note = "`map` runs the task once per item of its first argument; the others are the same for all runs, or `each(list)`",
    note = "if the list is for another parameter, let the task take that one first"
)]
pub trait IntoItems<P, K: ParamMode<P> = ByValue> {
    #[doc(hidden)]
    fn into_items(self) -> Items<K::Held>;
}

impl<P, K: ParamMode<P>, I: IntoIterator<Item: IntoArg<P, K>>> IntoItems<P, K> for I {
    fn into_items(self) -> Items<K::Held> {
        Items::Known(self.into_iter().map(IntoArg::into_arg).collect())
    }
}

impl<P, K: ParamMode<P>, T: Send + Sync + 'static, E: TaskError> IntoItems<P, K> for Handles<T, E>
where
    Handle<T, E>: IntoArg<P, K>,
{
    fn into_items(self) -> Items<K::Held> {
        // It makes no difference whether a list that is made later is known by now: otherwise the same call would have two
        // keys.
        match self.identity() {
            None => {
                Items::Known(self.known().into_iter().flatten().cloned().map(IntoArg::into_arg).collect())
            }
            Some(of) => {
                let items = Box::pin(async move {
                    let list = self.list().await.map_err(|error| Cause::of(&error))?;
                    Ok(list.iter().cloned().map(IntoArg::into_arg).collect())
                });
                Items::Later { items, of }
            }
        }
    }
}

impl<P, K: ParamMode<P>, T: Send + Sync + 'static, E: TaskError> IntoItems<P, K> for &Handles<T, E>
where
    Handle<T, E>: IntoArg<P, K>,
{
    fn into_items(self) -> Items<K::Held> {
        self.clone().into_items()
    }
}

impl<T: Copied, E: TaskError> IntoItems<T> for Handle<Vec<T>, E> {
    fn into_items(self) -> Items<Arg<T>> {
        later(self, |element| Arg::Input(element))
    }
}

impl<T: Copied, E: TaskError> IntoItems<T> for &Handle<Vec<T>, E> {
    fn into_items(self) -> Items<Arg<T>> {
        IntoItems::<T>::into_items(self.clone())
    }
}

impl<U: ?Sized + 'static, T: Send + Sync + 'static, E: TaskError> IntoItems<&'static U, ByRef>
    for Handle<Vec<T>, E>
where
    Element<T, E>: Lender<U>,
{
    fn into_items(self) -> Items<Lent<'static, U>> {
        later(self, |element| Lent::Input(element))
    }
}

impl<U: ?Sized + 'static, T: Send + Sync + 'static, E: TaskError> IntoItems<&'static U, ByRef>
    for &Handle<Vec<T>, E>
where
    Element<T, E>: Lender<U>,
{
    fn into_items(self) -> Items<Lent<'static, U>> {
        IntoItems::<&'static U, ByRef>::into_items(self.clone())
    }
}

/// The items of a list that a task returns.
fn later<T: Send + Sync + 'static, E: TaskError, H: 'static>(
    handle: Handle<Vec<T>, E>,
    held: impl Fn(Arc<Element<T, E>>) -> H + Send + 'static,
) -> Items<H> {
    let of = handle.slot.core.identity().map(|identity| identity.call);
    Items::Later { items: Box::pin(elements(handle, held)), of }
}

/// Waits for a list and returns an element that shares the list for each of its items. Nothing is copied.
async fn elements<T: Send + Sync + 'static, E: TaskError, H>(
    handle: Handle<Vec<T>, E>,
    held: impl Fn(Arc<Element<T, E>>) -> H,
) -> Result<Vec<H>, Cause> {
    let length = match (&handle).await {
        Ok(list) => list.len(),
        Err(error) => return Err(Cause::of(&error)),
    };
    Ok((0..length).map(|index| held(Arc::new(Element { list: Arc::clone(&handle.slot), index }))).collect())
}

/// Zips another parameter of `map`: its items are taken one by one, in step with those of the first parameter.
///
/// The lengths must be equal; otherwise no run starts and the `Handles` hold the error.
///
/// ```
/// # use flowkit::prelude::*;
/// #[task]
/// async fn power(base: u32, exponent: u32) -> u32 { base.pow(exponent) }
///
/// #[flow]
/// async fn powers() -> Result<Vec<u32>> {
///     Ok(power::map([2, 3, 4], each([1, 2, 3])).await?)
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// assert_eq!(powers().await.unwrap(), [2, 9, 64]);
/// # }
/// ```
pub fn each<P, K: ParamMode<P>, I: IntoItems<P, K>>(items: I) -> Each<I, P, K> {
    Each { items, parameter: PhantomData }
}

/// A zipped parameter of `map`, made by [`each`].
#[must_use = "it is an argument of `map`"]
#[derive(Debug)]
pub struct Each<I, P, K> {
    items: I,
    parameter: PhantomData<fn() -> (P, K)>,
}

/// A parameter of `map` beside the first: one value for all runs, or [`each`] of a list.
#[diagnostic::on_unimplemented(
    message = "expected `{P}`, a handle of it or `each(list)`, found `{Self}`",
    label = "this does not give a `{P}` for every run",
    note = "a value that is given to every run must be `Clone`"
)]
pub trait IntoColumn<P, K: ParamMode<P> = ByValue> {
    #[doc(hidden)]
    fn into_column(self) -> Column<K::Held>;
}

impl<T: Clone> IntoColumn<T> for T {
    fn into_column(self) -> Column<Arg<T>> {
        Column::Constant(Arg::Value(self), Clone::clone)
    }
}

impl<'a, U: ?Sized> IntoColumn<&'a U, ByRef> for &'a U {
    fn into_column(self) -> Column<Lent<'a, U>> {
        Column::Constant(Lent::Borrowed(self), Clone::clone)
    }
}

impl<T: Copied, E: TaskError> IntoColumn<T> for Handle<T, E> {
    fn into_column(self) -> Column<Arg<T>> {
        Column::Constant(IntoArg::<T>::into_arg(self), Clone::clone)
    }
}

impl<T: Copied, E: TaskError> IntoColumn<T> for &Handle<T, E> {
    fn into_column(self) -> Column<Arg<T>> {
        Column::Constant(IntoArg::<T>::into_arg(self), Clone::clone)
    }
}

impl<'a, U: ?Sized + 'a, T, E: TaskError> IntoColumn<&'a U, ByRef> for &Handle<T, E>
where
    for<'h> &'h Handle<T, E>: IntoArg<&'a U, ByRef>,
    Slot<T, E>: Lender<U>,
{
    fn into_column(self) -> Column<Lent<'a, U>> {
        Column::Constant(IntoArg::<&'a U, ByRef>::into_arg(self), Clone::clone)
    }
}

impl<P, K: ParamMode<P>, I: IntoItems<P, K>> IntoColumn<P, K> for Each<I, P, K> {
    fn into_column(self) -> Column<K::Held> {
        match self.items.into_items() {
            Items::Known(items) => Column::Items(items.into_iter()),
            Items::Later { items, .. } => Column::Later(items),
        }
    }
}
