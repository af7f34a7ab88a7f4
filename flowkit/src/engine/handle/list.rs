//! Runs as a list: those of a mapped list, or those that a body collected.

use std::fmt;
use std::ops::Index;
use std::slice::{Iter, SliceIndex};
use std::sync::Arc;

use super::Handle;
use super::known::{Gathered, Known};
use super::later::Later;
use crate::engine::attempt::permit::Reacquire;
use crate::engine::task_run::completion::WaiterSlot;
use crate::engine::task_run::inputs::{Input, Visit};
use crate::model::{CallId, EdgeKind, Error, TaskError};

/// Several runs of one type, as a list: those of a mapped list in the order of its items, or handles that you collect.
///
/// `handles.await` gives all values, or the first failure as soon as it happens. As an argument, a `Handles` stands for a
/// `Vec<T>` or a `&[T]`, with an edge from each of its runs; [`allow_failure`](crate::allow_failure) makes that a list of
/// results. Clones share the handles, so passing a list on costs the same whatever its length.
///
/// Handles are collected where the graph comes from data:
///
/// ```
/// # use flowkit::prelude::*;
/// # use std::collections::HashMap;
/// #[task]
/// async fn longest_path(seconds: u32, before: &[u32]) -> u32 {
///     seconds + before.iter().max().unwrap_or(&0)
/// }
///
/// #[flow]
/// async fn schedule(tasks: Vec<(String, u32, Vec<String>)>) -> Result<u32> {
///     let mut started = HashMap::new();
///     for (name, seconds, parents) in tasks {
///         let before: Handles<_, _> = parents.iter().map(|parent| &started[parent]).collect();
///         let run = longest_path::of(seconds, &before).task_named(&name).submit();
///         started.insert(name, run);
///     }
///     let all: Handles<_, _> = started.values().collect();
///     Ok(all.await?.into_iter().max().unwrap_or(0))
/// }
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # let task = |name: &str, seconds, parents: &[&str]| {
/// #     (name.to_owned(), seconds, parents.iter().map(|&parent| parent.to_owned()).collect())
/// # };
/// let tasks = vec![task("trim", 2, &[]), task("index", 5, &[]), task("align", 4, &["trim", "index"])];
/// assert_eq!(schedule(tasks).await.unwrap(), 9);
/// # }
/// ```
///
/// # Memory
///
/// A task by value (`Vec<T>`) moves the values out of runs that nothing else refers to, and clones the others. Tasks by
/// reference (`&[T]`) need the values side by side in memory: one clone of them is made, which all such calls of this list
/// and its clones share while one of them has it. For large values, let the tasks return `Arc<T>`.
///
/// # Lists that are pending
///
/// A list that is mapped over a pending list is itself not known at first. [`len`](Self::len), [`iter`](Self::iter) and the
/// other methods of collections panic then, and so does an index; [`list`](Self::list) waits. For the same reason `Handles` is
/// no `IntoIterator`: as the argument of `map`, a pending list must be waited for.
pub struct Handles<T, E> {
    pub(crate) list: List<T, E>,
}

pub(crate) enum List<T, E> {
    Known(Arc<Known<T, E>>),
    /// The length is known when the mapped list is.
    Later(Arc<Later<T, E>>),
}

impl<T, E> Clone for Handles<T, E> {
    fn clone(&self) -> Self {
        let list = match &self.list {
            List::Known(known) => List::Known(Arc::clone(known)),
            List::Later(later) => List::Later(Arc::clone(later)),
        };
        Self { list }
    }
}

impl<T, E> Default for Handles<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

/// From handles, or from references to handles.
impl<T, E, H: Into<Handle<T, E>>> FromIterator<H> for Handles<T, E> {
    fn from_iter<I: IntoIterator<Item = H>>(handles: I) -> Self {
        handles.into_iter().map(Into::into).collect::<Vec<_>>().into()
    }
}

impl<T, E, H: Into<Handle<T, E>>> Extend<H> for Handles<T, E> {
    fn extend<I: IntoIterator<Item = H>>(&mut self, handles: I) {
        self.known_mut().extend(handles.into_iter().map(Into::into));
    }
}

impl<T, E> From<Vec<Handle<T, E>>> for Handles<T, E> {
    fn from(handles: Vec<Handle<T, E>>) -> Self {
        Self { list: List::Known(Arc::new(Known::new(handles))) }
    }
}

impl<T, E, I: SliceIndex<[Handle<T, E>]>> Index<I> for Handles<T, E> {
    type Output = I::Output;

    #[track_caller]
    fn index(&self, index: I) -> &I::Output {
        &self.as_known()[index]
    }
}

/// As a collection. These methods panic while the list is pending, and if what it is mapped over has failed.
impl<T, E> Handles<T, E> {
    /// Makes an empty list.
    pub fn new() -> Self {
        Vec::new().into()
    }

    /// Returns the number of runs.
    #[track_caller]
    pub fn len(&self) -> usize {
        self.as_known().len()
    }

    /// Whether there is no run.
    #[track_caller]
    pub fn is_empty(&self) -> bool {
        self.as_known().is_empty()
    }

    /// Iterates over the handles.
    #[track_caller]
    pub fn iter(&self) -> Iter<'_, Handle<T, E>> {
        self.as_known().iter()
    }

    /// Adds a run at the end. Calls that have the list already do not see it.
    #[track_caller]
    pub fn push(&mut self, handle: Handle<T, E>) {
        self.known_mut().push(handle);
    }

    /// Returns the handles.
    #[track_caller]
    pub fn into_vec(self) -> Vec<Handle<T, E>> {
        match self.list {
            List::Known(known) => known.into_handles(),
            List::Later(_) => self.as_known().to_vec(),
        }
    }

    #[track_caller]
    fn as_known(&self) -> &[Handle<T, E>] {
        self.known().unwrap_or_else(|| {
            panic!(
                "the runs of these `Handles` are not known, because what they are mapped over is pending or has failed: \
                 await `handles.list()` first"
            )
        })
    }

    #[track_caller]
    fn known_mut(&mut self) -> &mut Vec<Handle<T, E>> {
        if let List::Later(_) = &self.list {
            *self = self.as_known().to_vec().into();
        }
        let List::Known(known) = &mut self.list else {
            unreachable!("bug in flowkit: a list that was made known is pending")
        };
        let known = Arc::make_mut(known);
        known.gathered = Gathered::default();
        &mut known.handles
    }
}

impl<T, E> Handles<T, E> {
    pub(crate) fn later(later: Arc<Later<T, E>>) -> Self {
        Self { list: List::Later(later) }
    }

    pub(crate) fn refused(error: Error<E>) -> Self {
        Self::later(Arc::new(Later::refused(error)))
    }

    /// Returns the identity of a list that is made later, if it is one; it is `None` if calls have no keys.
    pub(crate) fn identity(&self) -> Option<Option<CallId>> {
        match &self.list {
            List::Known(_) => None,
            List::Later(later) => Some(later.call),
        }
    }

    /// Returns the handles, or `None` while the mapped list is pending.
    pub fn known(&self) -> Option<&[Handle<T, E>]> {
        match &self.list {
            List::Known(known) => Some(&known.handles),
            List::Later(later) => later.completion.get()?.as_ref().ok().map(Vec::as_slice),
        }
    }

    /// Waits for the mapped list, and returns the handles of its runs.
    ///
    /// # Errors
    ///
    /// The error of the mapped list, or that the lists differ in length.
    pub async fn list(&self) -> Result<&[Handle<T, E>], Error<E>> {
        match &self.list {
            List::Known(known) => Ok(&known.handles),
            List::Later(later) => {
                let mut waiter = WaiterSlot::default();
                let mut reacquire = Reacquire::default();
                std::future::poll_fn(|cx| {
                    let over = later.completion.poll(&mut waiter, cx).is_ready();
                    reacquire.poll(over, cx)
                })
                .await;
                self.ended().map_err(Clone::clone)
            }
        }
    }

    /// Returns the handles of a list that is known, or why it never will be.
    pub(crate) fn ended(&self) -> Result<&[Handle<T, E>], &Error<E>> {
        match &self.list {
            List::Known(known) => Ok(&known.handles),
            List::Later(later) => match later.completion.get() {
                Some(list) => list.as_ref().map(Vec::as_slice),
                None => unreachable!("bug in flowkit: a list was read before it was there"),
            },
        }
    }

    /// Returns the handles of a list that was known from the beginning; otherwise the list itself.
    pub(crate) fn into_known(self) -> Result<Vec<Handle<T, E>>, Self> {
        match self.list {
            List::Known(known) => Ok(known.into_handles()),
            later @ List::Later(_) => Err(Self { list: later }),
        }
    }

    /// Waits for the mapped list, and takes the handles of its runs.
    pub(crate) async fn into_list(self) -> Result<Vec<Handle<T, E>>, Error<E>> {
        match self.list {
            List::Known(known) => Ok(known.into_handles()),
            List::Later(_) => self.list().await.map(<[_]>::to_vec),
        }
    }

    /// Moves the values out of runs that have ended, and clones those that are shared.
    pub(crate) fn take(self) -> Result<Vec<T>, Error<E>>
    where
        T: Clone,
    {
        match self.list {
            List::Known(known) => known.into_handles().into_iter().map(|handle| handle.slot.take()).collect(),
            List::Later(_) => {
                self.known().unwrap_or_default().iter().map(|handle| handle.slot.result().clone()).collect()
            }
        }
    }

    /// What the calls share that take the list as a slice.
    pub(crate) fn gathered(&self) -> &Gathered<T, E> {
        match &self.list {
            List::Known(known) => &known.gathered,
            List::Later(later) => &later.gathered,
        }
    }

    /// Cancels every run of the list. A list that is still pending will have no runs.
    pub fn cancel(&self) {
        if let List::Later(later) = &self.list {
            later.cancellation.cancel();
        }
        for handle in self.known().unwrap_or_default() {
            handle.cancel();
        }
    }

    /// Cancels every run of a known list, without recording that as a decision of the body.
    pub(crate) fn stop(&self) {
        for handle in self.known().unwrap_or_default() {
            handle.slot.core.cancel();
        }
    }
}

impl<T: Send + Sync + 'static, E: TaskError> Handles<T, E> {
    /// Visits the runs as inputs, and a list that is made later itself.
    pub(crate) fn visit_as(&self, kind: EdgeKind, visit: &mut Visit<'_>) {
        match &self.list {
            List::Known(known) => known.handles.iter().for_each(|handle| visit(&*handle.slot, kind)),
            List::Later(later) => later.visit_as(kind, visit),
        }
    }
}

impl<T, E> fmt::Debug for Handles<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known() {
            Some(list) => f.debug_list().entries(list).finish(),
            None => f.write_str("[not known yet]"),
        }
    }
}
