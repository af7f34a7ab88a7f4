//! Arguments: a value, or the result of another run that is not there yet.
//!
//! [`IntoArg`] says what may stand for a parameter; [`Own`] and [`Lend`] are its two kinds, by value and by reference.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::inputs::Visit;
use crate::engine::slot::Slot;
use crate::handle::{AllowFailure, Element, Gathered, Handle, Handles};
use crate::model::{EdgeKind, Error, TaskError};
use crate::task::{Body, Call};

/// A parameter that is taken by value: `page: String`.
#[derive(Debug)]
pub enum Own<T> {
    #[doc(hidden)]
    Never(std::convert::Infallible, std::marker::PhantomData<fn() -> T>),
}

/// A parameter that is taken by reference: `page: &str`.
#[derive(Debug)]
pub enum Lend<'a, U: ?Sized> {
    #[doc(hidden)]
    Never(std::convert::Infallible, std::marker::PhantomData<&'a U>),
}

/// A kind of parameter: [`Own`] or [`Lend`].
pub trait Param {
    /// What a call keeps for the parameter until it runs.
    #[doc(hidden)]
    type Held;
}

impl<T> Param for Own<T> {
    type Held = Arg<T>;
}

impl<'a, U: ?Sized> Param for Lend<'a, U> {
    type Held = Lent<'a, U>;
}

/// What may stand for a parameter: the value itself, a [`Handle`] or [`Handles`] of it, or a call that is not awaited yet.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot stand for this parameter",
    label = "neither the parameter's type nor a handle of it",
    note = "give the value itself, a `Handle` of it (or `Handles` of its items), or a call that is not awaited; \
            a value taken from a handle must be `Clone`"
)]
pub trait IntoArg<K: Param> {
    #[doc(hidden)]
    fn into_arg(self) -> K::Held;
}

/// Gives a value by and by.
#[doc(hidden)]
pub trait Source<T>: Send + Sync {
    fn visit(&self, visit: &mut Visit<'_>);
    fn take(self: Arc<Self>) -> T;
    fn peek(&self) -> &T;
}

/// Lends a value by and by.
#[doc(hidden)]
pub trait Lender<U: ?Sized>: Send + Sync {
    fn visit(&self, visit: &mut Visit<'_>);
    fn lend(&self) -> &U;
}

/// What a call keeps for a parameter by value.
#[doc(hidden)]
pub enum Arg<T> {
    Value(T),
    Input(Arc<dyn Source<T>>),
}

impl<T> Arg<T> {
    pub fn visit(&self, visit: &mut Visit<'_>) {
        if let Self::Input(source) = self {
            source.visit(visit);
        }
    }

    pub fn take(self) -> T {
        match self {
            Self::Value(value) => value,
            Self::Input(source) => source.take(),
        }
    }

    pub fn get(&self) -> &T {
        match self {
            Self::Value(value) => value,
            Self::Input(source) => source.peek(),
        }
    }
}

impl<T: Clone> Clone for Arg<T> {
    fn clone(&self) -> Self {
        match self {
            Self::Value(value) => Self::Value(value.clone()),
            Self::Input(source) => Self::Input(Arc::clone(source)),
        }
    }
}

/// What a call keeps for a parameter by reference.
#[doc(hidden)]
pub enum Lent<'a, U: ?Sized> {
    Borrowed(&'a U),
    Input(Arc<dyn Lender<U>>),
}

impl<U: ?Sized> Lent<'_, U> {
    pub fn visit(&self, visit: &mut Visit<'_>) {
        if let Self::Input(lender) = self {
            lender.visit(visit);
        }
    }

    pub fn get(&self) -> &U {
        match self {
            Self::Borrowed(value) => value,
            Self::Input(lender) => lender.lend(),
        }
    }
}

impl<U: ?Sized> Clone for Lent<'_, U> {
    fn clone(&self) -> Self {
        match self {
            Self::Borrowed(value) => Self::Borrowed(value),
            Self::Input(lender) => Self::Input(Arc::clone(lender)),
        }
    }
}

// What is given by value.

impl<T> IntoArg<Own<T>> for T {
    fn into_arg(self) -> Arg<T> {
        Arg::Value(self)
    }
}

impl<'a, U: ?Sized> IntoArg<Lend<'a, U>> for &'a U {
    fn into_arg(self) -> Lent<'a, U> {
        Lent::Borrowed(self)
    }
}

// Handles and calls for a parameter by value.

impl<T: Clone + Send + Sync + 'static, E: TaskError> IntoArg<Own<T>> for Handle<T, E> {
    fn into_arg(self) -> Arg<T> {
        Arg::Input(self.slot)
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> IntoArg<Own<T>> for &Handle<T, E> {
    fn into_arg(self) -> Arg<T> {
        IntoArg::<Own<_>>::into_arg(self.clone())
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> IntoArg<Own<Vec<T>>> for Handles<T, E> {
    fn into_arg(self) -> Arg<Vec<T>> {
        Arg::Input(Arc::new(Gathered::new(self)))
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> IntoArg<Own<Vec<T>>> for &Handles<T, E> {
    fn into_arg(self) -> Arg<Vec<T>> {
        IntoArg::<Own<_>>::into_arg(self.clone())
    }
}

impl<T, E, B> IntoArg<Own<T>> for Call<'static, T, E, B>
where
    T: Clone + Send + Sync + 'static,
    E: TaskError,
    B: Body<Output = T, Error = E> + 'static,
{
    fn into_arg(self) -> Arg<T> {
        IntoArg::<Own<T>>::into_arg(self.submit())
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> IntoArg<Own<Result<T, Error<E>>>>
    for AllowFailure<T, E>
{
    fn into_arg(self) -> Arg<Result<T, Error<E>>> {
        Arg::Input(Arc::new(self))
    }
}

impl<'a, T: Send + Sync + 'static, E: TaskError> IntoArg<Lend<'a, Result<T, Error<E>>>>
    for AllowFailure<T, E>
{
    fn into_arg(self) -> Lent<'a, Result<T, Error<E>>> {
        Lent::Input(Arc::new(self))
    }
}

impl<T: Clone + Send + Sync + 'static, E: TaskError> Source<T> for Slot<T, E> {
    fn visit(&self, visit: &mut Visit<'_>) {
        visit(self, EdgeKind::Data);
    }

    fn take(self: Arc<Self>) -> T {
        match Self::take(self) {
            Ok(value) => value,
            Err(_) => no_value(),
        }
    }

    fn peek(&self) -> &T {
        match self.result() {
            Ok(value) => value,
            Err(_) => no_value(),
        }
    }
}

/// A task is only started when its data inputs have values.
pub(crate) fn no_value() -> ! {
    panic!("bug in flowkit: a task was started whose input has no value")
}

// Handles and calls for a parameter by reference: the owned type and what it dereferences to.

macro_rules! lend {
    ($([$($generics:tt)*] $owned:ty => $lent:ty, $borrow:expr;)*) => {$(
        impl<$($generics)* E: TaskError> Lender<$lent> for Slot<$owned, E> {
            fn visit(&self, visit: &mut Visit<'_>) {
                visit(self, EdgeKind::Data);
            }

            fn lend(&self) -> &$lent {
                let borrow: fn(&$owned) -> &$lent = $borrow;
                match self.result() {
                    Ok(value) => borrow(value),
                    Err(_) => no_value(),
                }
            }
        }

        impl<$($generics)* E: TaskError> Lender<$lent> for Element<$owned, E> {
            fn visit(&self, visit: &mut Visit<'_>) {
                visit(&*self.list, EdgeKind::Data);
            }

            fn lend(&self) -> &$lent {
                let borrow: fn(&$owned) -> &$lent = $borrow;
                borrow(self.get())
            }
        }

        impl<'a, $($generics)* E: TaskError> IntoArg<Lend<'a, $lent>> for Handle<$owned, E> {
            fn into_arg(self) -> Lent<'a, $lent> {
                Lent::Input(self.slot)
            }
        }

        impl<'a, $($generics)* E: TaskError> IntoArg<Lend<'a, $lent>> for &Handle<$owned, E> {
            fn into_arg(self) -> Lent<'a, $lent> {
                Lent::Input(Arc::clone(&self.slot) as _)
            }
        }

        impl<'a, $($generics)* E, B> IntoArg<Lend<'a, $lent>> for Call<'static, $owned, E, B>
        where
            E: TaskError,
            B: Body<Output = $owned, Error = E> + 'static,
        {
            fn into_arg(self) -> Lent<'a, $lent> {
                Lent::Input(self.submit().slot)
            }
        }
    )*};
}

lend! {
    [T: Send + Sync + 'static,] T => T, |value| value;
    [] String => str, |value| value;
    [T: Send + Sync + 'static,] Vec<T> => [T], |value| value;
    [] PathBuf => Path, |value| value;
    [] OsString => OsStr, |value| value;
    [T: Send + Sync + 'static,] Box<T> => T, |value| value;
    [T: Send + Sync + 'static,] Arc<T> => T, |value| value;
    [] Arc<str> => str, |value| value;
    [] Box<str> => str, |value| value;
    [T: Send + Sync + 'static,] Arc<[T]> => [T], |value| value;
    [T: Send + Sync + 'static,] Box<[T]> => [T], |value| value;
}

impl<'a, T: Clone + Send + Sync + 'static, E: TaskError> IntoArg<Lend<'a, [T]>> for Handles<T, E> {
    fn into_arg(self) -> Lent<'a, [T]> {
        Lent::Input(Arc::new(Gathered::new(self)))
    }
}

impl<'a, T: Clone + Send + Sync + 'static, E: TaskError> IntoArg<Lend<'a, [T]>> for &Handles<T, E> {
    fn into_arg(self) -> Lent<'a, [T]> {
        Lent::Input(Arc::new(Gathered::new(self.clone())))
    }
}

impl<'a, T: Clone + Send + Sync + 'static, E: TaskError> IntoArg<Lend<'a, Vec<T>>> for Handles<T, E> {
    fn into_arg(self) -> Lent<'a, Vec<T>> {
        Lent::Input(Arc::new(Gathered::new(self)))
    }
}

impl<'a, T: Clone + Send + Sync + 'static, E: TaskError> IntoArg<Lend<'a, Vec<T>>> for &Handles<T, E> {
    fn into_arg(self) -> Lent<'a, Vec<T>> {
        Lent::Input(Arc::new(Gathered::new(self.clone())))
    }
}
