//! What a call may run after.

use std::sync::Arc;

use super::Handle;
use super::list::{Handles, List};
use crate::engine::task_run::inputs::Input;
use crate::model::TaskError;

/// Something to run after: a [`Handle`], [`Handles`], or several of them, as a slice, a `Vec`, an array, an `Option` or a tuple,
/// by value or by reference.
///
/// Name it in functions that pass it on:
///
/// ```
/// # use flowkit::prelude::*;
/// use flowkit::After;
///
/// #[task]
/// async fn vacuum(table: String) {}
///
/// fn vacuum_all(tables: &[&str], loaded: impl After + Copy) -> Handles<(), std::convert::Infallible> {
///     tables.iter().map(|&table| vacuum(table.to_owned()).after(loaded).submit()).collect()
/// }
/// # #[task] async fn load(table: u32) {}
/// # #[flow] async fn nightly() -> Result<()> {
/// # let loaded = (load(1).submit(), load::map([2, 3]));
/// # Ok(vacuum_all(&["a", "b"], (&loaded.0, &loaded.1)).await.map(drop)?) }
/// # #[tokio::main(flavor = "current_thread")] async fn main() { nightly().await.unwrap() }
/// ```
#[diagnostic::on_unimplemented(
    message = "a call cannot run after `{Self}`",
    label = "neither a handle nor several of them",
    note = "`.after(…)` takes a `Handle`, `Handles`, a slice or `Vec` of them, or a tuple; a call gives a handle with `.submit()`"
)]
pub trait After {
    #[doc(hidden)]
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>);
}

impl<T: Send + Sync + 'static, E: TaskError> After for Handle<T, E> {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        inputs.push(Arc::clone(&self.slot) as _);
    }
}

impl<T: Send + Sync + 'static, E: TaskError> After for Handles<T, E> {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        match &self.list {
            List::Known(known) => known.handles.add_to(inputs),
            List::Later(later) => inputs.push(Arc::clone(later) as _),
        }
    }
}

impl<A: After + ?Sized> After for &A {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        (**self).add_to(inputs);
    }
}

impl<A: After> After for [A] {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        self.iter().for_each(|first| first.add_to(inputs));
    }
}

impl<A: After, const N: usize> After for [A; N] {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        self.as_slice().add_to(inputs);
    }
}

impl<A: After> After for Vec<A> {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        self.as_slice().add_to(inputs);
    }
}

impl<A: After> After for Option<A> {
    fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
        self.iter().for_each(|first| first.add_to(inputs));
    }
}

macro_rules! after_tuples {
    ($(($($first:ident)*))*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($first: After),*> After for ($($first,)*) {
            #[allow(non_snake_case, reason = "each type and its value have one name")]
            fn add_to(&self, inputs: &mut Vec<Arc<dyn Input>>) {
                let ($($first,)*) = self;
                $($first.add_to(inputs);)*
            }
        }
    )*};
}

after_tuples!((A B)(A B C)(A B C D)(A B C D F)(A B C D F G)(A B C D F G H)(A B C D F G H I));
