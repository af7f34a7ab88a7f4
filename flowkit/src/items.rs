//! What `map` takes: a list of items, a list that is not there yet, or a constant beside it.

use std::marker::PhantomData;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::args::{Arg, IntoArg, Lend, Lender, Lent, Own, Param};
use crate::engine::inputs::Cause;
use crate::engine::slot::Slot;
use crate::handle::{Element, Handle, Handles};
use crate::model::TaskError;

/// The items of a mapped parameter.
#[doc(hidden)]
pub enum Items<H> {
    Known(Vec<H>),
    /// They come with a list that is not there yet.
    Later(BoxFuture<'static, Result<Vec<H>, Cause>>),
}

/// A parameter of `map` beside the first.
#[doc(hidden)]
pub enum Column<H> {
    Constant(H),
    Items(std::vec::IntoIter<H>),
    Later(BoxFuture<'static, Result<Vec<H>, Cause>>),
}

impl<H: Clone> Column<H> {
    pub fn is_later(&self) -> bool {
        matches!(self, Self::Later(_))
    }

    /// Waits for the items, if they are not there yet.
    pub async fn resolve(self) -> Result<Self, Cause> {
        match self {
            Self::Later(items) => Ok(Self::Items(items.await?.into_iter())),
            known => Ok(known),
        }
    }

    /// Returns the number of items; `None` for a constant.
    pub fn len(&self) -> Option<usize> {
        match self {
            Self::Items(items) => Some(items.len()),
            Self::Constant(_) | Self::Later(_) => None,
        }
    }

    /// Returns the item of the next row.
    pub fn next_row(&mut self) -> H {
        match self {
            Self::Constant(held) => held.clone(),
            Self::Items(items) => {
                items.next().expect("bug in flowkit: lengths are compared before any row is made")
            }
            Self::Later(_) => unreachable!("bug in flowkit: a column was read before it was resolved"),
        }
    }
}

/// What may be mapped: an iterator of values, handles or calls; [`Handles`]; a [`Handle`] of a `Vec`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be mapped over this parameter",
    label = "neither an iterator of what the parameter takes, nor `Handles`, nor a handle of a `Vec`"
)]
pub trait IntoItems<K: Param> {
    #[doc(hidden)]
    fn into_items(self) -> Items<K::Held>;
}

impl<K: Param, I: IntoIterator<Item: IntoArg<K>>> IntoItems<K> for I {
    fn into_items(self) -> Items<K::Held> {
        Items::Known(self.into_iter().map(IntoArg::into_arg).collect())
    }
}

impl<K: Param, T: Send + Sync + 'static, E: TaskError> IntoItems<K> for Handles<T, E>
where
    Handle<T, E>: IntoArg<K>,
{
    fn into_items(self) -> Items<K::Held> {
        match self.known() {
            Some(list) => Items::Known(list.iter().cloned().map(IntoArg::into_arg).collect()),
            None => Items::Later(Box::pin(async move {
                let list = self.list().await.map_err(|error| Cause::of(&error))?;
                Ok(list.iter().cloned().map(IntoArg::into_arg).collect())
            })),
        }
    }
}

impl<K: Param, T: Send + Sync + 'static, E: TaskError> IntoItems<K> for &Handles<T, E>
where
    Handle<T, E>: IntoArg<K>,
{
    fn into_items(self) -> Items<K::Held> {
        self.clone().into_items()
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> IntoItems<Own<T>> for Handle<Vec<T>, E> {
    fn into_items(self) -> Items<Arg<T>> {
        Items::Later(Box::pin(elements(self, |element| Arg::Input(element))))
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> IntoItems<Own<T>> for &Handle<Vec<T>, E> {
    fn into_items(self) -> Items<Arg<T>> {
        IntoItems::<Own<T>>::into_items(self.clone())
    }
}

impl<U: ?Sized + 'static, T: Send + Sync + 'static, E: TaskError> IntoItems<Lend<'static, U>>
    for Handle<Vec<T>, E>
where
    Element<T, E>: Lender<U>,
{
    fn into_items(self) -> Items<Lent<'static, U>> {
        Items::Later(Box::pin(elements(self, |element| Lent::Input(element))))
    }
}

impl<U: ?Sized + 'static, T: Send + Sync + 'static, E: TaskError> IntoItems<Lend<'static, U>>
    for &Handle<Vec<T>, E>
where
    Element<T, E>: Lender<U>,
{
    fn into_items(self) -> Items<Lent<'static, U>> {
        IntoItems::<Lend<'static, U>>::into_items(self.clone())
    }
}

/// Waits for a list and gives a share of it for each of its items. Nothing is copied.
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

/// Zips a further parameter of `map`: its items are taken one by one, in step with the first parameter's.
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
pub fn each<K: Param, I: IntoItems<K>>(items: I) -> Each<I, K> {
    Each { items, kind: PhantomData }
}

/// A zipped parameter of `map`. Made by [`each`].
#[must_use = "it is an argument of `map`"]
#[derive(Debug)]
pub struct Each<I, K> {
    items: I,
    kind: PhantomData<fn() -> K>,
}

/// What may stand for a parameter of `map` beside the first: one value for all runs, or [`each`] of a list.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand for this parameter of `map`",
    label = "neither the parameter's type, nor a handle of it, nor `each(list)`",
    note = "a value that is given to every run must be `Clone`"
)]
pub trait IntoColumn<K: Param> {
    #[doc(hidden)]
    fn into_column(self) -> Column<K::Held>;
}

impl<T: Clone> IntoColumn<Own<T>> for T {
    fn into_column(self) -> Column<Arg<T>> {
        Column::Constant(Arg::Value(self))
    }
}

impl<'a, U: ?Sized> IntoColumn<Lend<'a, U>> for &'a U {
    fn into_column(self) -> Column<Lent<'a, U>> {
        Column::Constant(Lent::Borrowed(self))
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> IntoColumn<Own<T>> for Handle<T, E> {
    fn into_column(self) -> Column<Arg<T>> {
        Column::Constant(IntoArg::<Own<T>>::into_arg(self))
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> IntoColumn<Own<T>> for &Handle<T, E> {
    fn into_column(self) -> Column<Arg<T>> {
        Column::Constant(IntoArg::<Own<T>>::into_arg(self))
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> IntoColumn<Own<Vec<T>>> for &Handles<T, E> {
    fn into_column(self) -> Column<Arg<Vec<T>>> {
        Column::Constant(IntoArg::<Own<Vec<T>>>::into_arg(self))
    }
}

impl<'a, U: ?Sized + 'a, T, E: TaskError> IntoColumn<Lend<'a, U>> for &Handle<T, E>
where
    for<'h> &'h Handle<T, E>: IntoArg<Lend<'a, U>>,
    Slot<T, E>: Lender<U>,
{
    fn into_column(self) -> Column<Lent<'a, U>> {
        Column::Constant(IntoArg::<Lend<'a, U>>::into_arg(self))
    }
}

impl<'a, T: Clone + Send + Sync + 'static, E: TaskError> IntoColumn<Lend<'a, [T]>> for &Handles<T, E> {
    fn into_column(self) -> Column<Lent<'a, [T]>> {
        Column::Constant(IntoArg::<Lend<'a, [T]>>::into_arg(self))
    }
}

impl<K: Param, I: IntoItems<K>> IntoColumn<K> for Each<I, K> {
    fn into_column(self) -> Column<K::Held> {
        match self.items.into_items() {
            Items::Known(items) => Column::Items(items.into_iter()),
            Items::Later(items) => Column::Later(items),
        }
    }
}
