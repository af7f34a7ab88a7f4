//! The argument of functions that wait for several runs: an iterator of handles, or [`Handles`].

use crate::engine::handle::{Handle, Handles};

/// Runs to wait for: an iterator of [`Handle`]s or of references to them, or [`Handles`].
///
/// An iterator is collected before anything is waited for, so one that submits its calls as it goes, such as
/// `(0..5).map(|page| fetch(page).submit())`, has started all of them by then.
#[diagnostic::on_unimplemented(
    message = "expected handles to wait for, found `{Self}`",
    label = "neither an iterator of `Handle<{T}, {E}>` nor `Handles<{T}, {E}>`",
    note = "a call gives a handle with `.submit()`"
)]
pub trait IntoHandles<T, E> {
    #[doc(hidden)]
    fn into_handles(self) -> Handles<T, E>;
}

impl<T, E, I: IntoIterator<Item: Into<Handle<T, E>>>> IntoHandles<T, E> for I {
    fn into_handles(self) -> Handles<T, E> {
        self.into_iter().collect()
    }
}

impl<T, E> IntoHandles<T, E> for Handles<T, E> {
    fn into_handles(self) -> Self {
        self
    }
}

impl<T, E> IntoHandles<T, E> for &Handles<T, E> {
    fn into_handles(self) -> Handles<T, E> {
        self.clone()
    }
}
