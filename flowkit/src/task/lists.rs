//! Lists of handles, and optional handles, as arguments: for a parameter `Vec<T>`, `&[T]` or `Option<T>`.
//!
//! A `Vec` or an `Option` of handles is passed by reference. By value it could not stand beside values: the compiler would not
//! know what `vec![]` or `None` is a list or an option of.

use std::sync::Arc;

use crate::engine::handle::{Handle, Handles};
use crate::model::TaskError;
use crate::task::args::{Arg, ByRef, Copied, IntoArg, Lent};
use crate::task::inputs::{Gathered, Optional};
use crate::task::items::{Column, IntoColumn};

macro_rules! lists {
    ($([$($generics:tt)*] $list:ty, $handles:expr;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($generics)* T: Copied, E: TaskError> IntoArg<Vec<T>> for $list {
            fn into_arg(self) -> Arg<Vec<T>> {
                let handles: fn($list) -> Handles<T, E> = $handles;
                Arg::Input(Arc::new(Gathered::new(handles(self))))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<'a, $($generics)* T: Copied, E: TaskError> IntoArg<&'a [T], ByRef> for $list {
            fn into_arg(self) -> Lent<'a, [T]> {
                let handles: fn($list) -> Handles<T, E> = $handles;
                Lent::Input(Arc::new(Gathered::new(handles(self))))
            }
        }

        #[diagnostic::do_not_recommend]
        impl<$($generics)* T: Copied, E: TaskError> IntoColumn<Vec<T>> for $list {
            fn into_column(self) -> Column<Arg<Vec<T>>> {
                Column::Constant(IntoArg::<Vec<T>>::into_arg(self), Clone::clone)
            }
        }

        #[diagnostic::do_not_recommend]
        impl<'a, $($generics)* T: Copied, E: TaskError> IntoColumn<&'a [T], ByRef> for $list {
            fn into_column(self) -> Column<Lent<'a, [T]>> {
                Column::Constant(IntoArg::<&'a [T], ByRef>::into_arg(self), Clone::clone)
            }
        }
    )*};
}

lists! {
    [] Handles<T, E>, |handles| handles;
    [] &Handles<T, E>, Clone::clone;
    [] &Vec<Handle<T, E>>, |handles| handles.iter().collect();
    [] &[Handle<T, E>], |handles| handles.iter().collect();
    [const N: usize,] &[Handle<T, E>; N], |handles| handles.iter().collect();
}

impl<'a, T: Copied, E: TaskError> IntoArg<&'a Vec<T>, ByRef> for Handles<T, E> {
    fn into_arg(self) -> Lent<'a, Vec<T>> {
        Lent::Input(Arc::new(Gathered::new(self)))
    }
}

impl<'a, T: Copied, E: TaskError> IntoArg<&'a Vec<T>, ByRef> for &Handles<T, E> {
    fn into_arg(self) -> Lent<'a, Vec<T>> {
        Lent::Input(Arc::new(Gathered::new(self.clone())))
    }
}

impl<T: Copied, E: TaskError> IntoArg<Option<T>> for &Option<Handle<T, E>> {
    fn into_arg(self) -> Arg<Option<T>> {
        match self {
            Some(handle) => Arg::Input(Arc::new(Optional::new(handle))),
            None => Arg::Value(None),
        }
    }
}
