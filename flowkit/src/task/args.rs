//! Arguments: a value, or the pending result of another run. Lists of them are in `lists`.
//!
//! [`IntoArg`] converts what a caller passes for a parameter; [`ByValue`] and [`ByRef`] are the two modes, by value and by
//! reference.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::engine::call_key::ArgumentContent;
use crate::engine::handle::Handle;
use crate::engine::task_run::inputs::{InputOutcome, Visit};
use crate::engine::task_run::slot::Slot;
use crate::model::{EdgeKind, TaskError};
use crate::task::call::Call;
use crate::task::dispatch::Dispatch;
use crate::task::inputs::Element;

/// How a parameter is passed: [`ByValue`] or [`ByRef`].
pub trait ParamMode<P> {
    /// What a call stores for the parameter until it runs.
    #[doc(hidden)]
    type Held;
}

/// By value: `page: String`.
#[derive(Debug)]
pub enum ByValue {}

impl<T> ParamMode<T> for ByValue {
    type Held = Arg<T>;
}

/// By reference: `page: &str`.
#[derive(Debug)]
pub enum ByRef {}

impl<'a, U: ?Sized> ParamMode<&'a U> for ByRef {
    type Held = Lent<'a, U>;
}

/// An argument for a parameter `P`: the value itself, a [`Handle`] or [`Handles`](crate::Handles) of it, or a call that has not been made
/// yet.
#[diagnostic::on_unimplemented(
    message = "expected `{P}` or a handle of it, found `{Self}`",
    label = "this does not give `{P}`",
    note = "a parameter takes its value, a `Handle` of it, `Handles` of its items, or a call that is not awaited",
    note = "a `Vec` or an `Option` of handles is passed by reference: `&handles`"
)]
pub trait IntoArg<P, K: ParamMode<P> = ByValue> {
    #[doc(hidden)]
    fn into_arg(self) -> K::Held;
}

/// A value that a task takes from a handle by value, although the handle may have clones.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be taken from a handle by value, because it is not `Clone`",
    label = "other code may hold this handle too, so taking its value needs a copy",
    note = "derive `Clone` for it, or let the task take it by reference: a handle lends its value without a copy"
)]
pub trait Copied: Clone + Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Clone + Send + Sync + 'static> Copied for T {}

/// Yields a value when it is available.
#[doc(hidden)]
pub trait Source<T>: Send + Sync {
    fn visit(&self, visit: &mut Visit<'_>);
    fn take(self: Arc<Self>) -> T;
    fn peek(&self) -> &T;

    /// The index of the item in its list, if it is an item. The list has ended then.
    fn index(&self) -> Option<usize> {
        None
    }
}

/// Lends a value when it is available.
#[doc(hidden)]
pub trait Lender<U: ?Sized>: Send + Sync {
    fn visit(&self, visit: &mut Visit<'_>);
    fn by_ref(&self) -> &U;

    /// The index of the item in its list, if it is an item. The list has ended then.
    fn index(&self) -> Option<usize> {
        None
    }
}

/// The stored argument of a parameter by value.
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

    pub(crate) fn content(&self) -> ArgumentContent<'_, T> {
        match self {
            Self::Value(value) => ArgumentContent::Value(value),
            Self::Input(source) => match source.index() {
                Some(index) => ArgumentContent::Item { value: source.peek(), index },
                None => ArgumentContent::Upstream,
            },
        }
    }

    /// Whether it is the result of another call, which may be pending.
    pub fn is_upstream(&self) -> bool {
        matches!(self.content(), ArgumentContent::Upstream)
    }

    /// Returns the value, if it is known: a run that does not start may have some of its arguments.
    pub fn known(&self) -> Option<&T> {
        let mut is_known = true;
        self.visit(&mut |input, _| is_known &= matches!(input.outcome(), InputOutcome::Success));
        is_known.then(|| self.get())
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

/// The stored argument of a parameter by reference.
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
            Self::Input(lender) => lender.by_ref(),
        }
    }

    pub(crate) fn content(&self) -> ArgumentContent<'_, U> {
        match self {
            Self::Borrowed(value) => ArgumentContent::Value(value),
            Self::Input(lender) => match lender.index() {
                Some(index) => ArgumentContent::Item { value: lender.by_ref(), index },
                None => ArgumentContent::Upstream,
            },
        }
    }

    /// Whether it is the result of another call, which may be pending.
    pub fn is_upstream(&self) -> bool {
        matches!(self.content(), ArgumentContent::Upstream)
    }

    /// Returns the value, if it is known: a run that does not start may have some of its arguments.
    pub fn known(&self) -> Option<&U> {
        let mut is_known = true;
        self.visit(&mut |input, _| is_known &= matches!(input.outcome(), InputOutcome::Success));
        is_known.then(|| self.get())
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

// Arguments that are values.

impl<T> IntoArg<T> for T {
    fn into_arg(self) -> Arg<T> {
        Arg::Value(self)
    }
}

impl<'a, U: ?Sized> IntoArg<&'a U, ByRef> for &'a U {
    fn into_arg(self) -> Lent<'a, U> {
        Lent::Borrowed(self)
    }
}

// Arguments that are handles and calls, for a parameter by value.

impl<T: Copied, E: TaskError> IntoArg<T> for Handle<T, E> {
    fn into_arg(self) -> Arg<T> {
        Arg::Input(self.slot)
    }
}

impl<T: Copied, E: TaskError> IntoArg<T> for &Handle<T, E> {
    fn into_arg(self) -> Arg<T> {
        IntoArg::<_, ByValue>::into_arg(self.clone())
    }
}

impl<T, E, B> IntoArg<T> for Call<'static, T, E, B>
where
    T: Copied,
    E: TaskError,
    B: Dispatch<Output = T, Error = E> + 'static,
{
    fn into_arg(self) -> Arg<T> {
        IntoArg::<T>::into_arg(self.submit())
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

/// A task is started only when its data inputs have values.
pub(crate) fn no_value() -> ! {
    panic!("bug in flowkit: a task was started whose input has no value")
}

// Arguments that are handles and calls, for a parameter by reference: the owned type and what it dereferences to.

macro_rules! by_ref {
    ($([$($generics:tt)*] $owned:ty => $borrowed:ty, $borrow:expr;)*) => {$(
        impl<$($generics)* E: TaskError> Lender<$borrowed> for Slot<$owned, E> {
            fn visit(&self, visit: &mut Visit<'_>) {
                visit(self, EdgeKind::Data);
            }

            fn by_ref(&self) -> &$borrowed {
                let borrow: fn(&$owned) -> &$borrowed = $borrow;
                match self.result() {
                    Ok(value) => borrow(value),
                    Err(_) => no_value(),
                }
            }
        }

        impl<$($generics)* E: TaskError> Lender<$borrowed> for Element<$owned, E> {
            fn visit(&self, visit: &mut Visit<'_>) {
                visit(self, EdgeKind::Data);
            }

            fn by_ref(&self) -> &$borrowed {
                let borrow: fn(&$owned) -> &$borrowed = $borrow;
                borrow(self.get())
            }

            fn index(&self) -> Option<usize> {
                Some(self.index)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<'a, $($generics)* E: TaskError> IntoArg<&'a $borrowed, ByRef> for Handle<$owned, E> {
            fn into_arg(self) -> Lent<'a, $borrowed> {
                Lent::Input(self.slot)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<'a, $($generics)* E: TaskError> IntoArg<&'a $borrowed, ByRef> for &Handle<$owned, E> {
            fn into_arg(self) -> Lent<'a, $borrowed> {
                Lent::Input(Arc::clone(&self.slot) as _)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<'a, $($generics)* E, B> IntoArg<&'a $borrowed, ByRef> for Call<'static, $owned, E, B>
        where
            E: TaskError,
            B: Dispatch<Output = $owned, Error = E> + 'static,
        {
            fn into_arg(self) -> Lent<'a, $borrowed> {
                Lent::Input(self.submit().slot)
            }
        }
    )*};
}

by_ref! {
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
