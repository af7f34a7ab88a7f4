//! A user's hook without its type: a function that is called, or one whose future is awaited. When hooks are called is decided in
//! `attempt/hooks`.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;

use futures_util::future::BoxFuture;

use crate::model::TaskRun;

/// A hook: calls the user's function, and returns what has to be awaited.
#[doc(hidden)]
pub trait Hook: Send + Sync {
    /// Whether [`call`](Self::call) returns a future.
    fn is_awaited(&self) -> bool;
    fn call(&self, run: &TaskRun) -> Option<BoxFuture<'static, ()>>;
}

impl fmt::Debug for dyn Hook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_awaited() { "async hook" } else { "hook" })
    }
}

/// A function that can be a hook. `How` tells the three kinds apart.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a hook",
    label = "not a hook",
    note = "a hook is a `fn(&TaskRun)`, an `async fn(TaskRun)` or an `async fn(&TaskRun)`; one that is async must be `Send`"
)]
pub trait HookFn<How>: Send + Sync {
    const IS_AWAITED: bool;
    fn call_hook(&self, run: &TaskRun) -> Option<BoxFuture<'static, ()>>;
}

/// `fn(&TaskRun)`.
#[doc(hidden)]
#[derive(Debug)]
pub enum Called {}

/// `async fn(TaskRun)`.
#[doc(hidden)]
#[derive(Debug)]
pub enum Awaited {}

/// `async fn(&TaskRun)`.
#[doc(hidden)]
#[derive(Debug)]
pub enum AwaitedByRef {}

impl<F: Fn(&TaskRun) + Send + Sync> HookFn<Called> for F {
    const IS_AWAITED: bool = false;

    fn call_hook(&self, run: &TaskRun) -> Option<BoxFuture<'static, ()>> {
        self(run);
        None
    }
}

impl<F, Fut> HookFn<Awaited> for F
where
    F: Fn(TaskRun) -> Fut + Send + Sync,
    Fut: Future<Output = ()> + Send + 'static,
{
    const IS_AWAITED: bool = true;

    fn call_hook(&self, run: &TaskRun) -> Option<BoxFuture<'static, ()>> {
        Some(Box::pin(self(run.clone())))
    }
}

impl<F> HookFn<AwaitedByRef> for F
where
    F: for<'a> BorrowingHook<'a> + Copy + Send + Sync + 'static,
{
    const IS_AWAITED: bool = true;

    fn call_hook(&self, run: &TaskRun) -> Option<BoxFuture<'static, ()>> {
        let (hook, run) = (*self, run.clone());
        Some(Box::pin(async move { hook.call_with(&run).await }))
    }
}

/// `async fn(&TaskRun)` for one lifetime, which is how its future can be named.
#[doc(hidden)]
pub trait BorrowingHook<'a> {
    type Future: Future<Output = ()> + Send + 'a;
    fn call_with(&self, run: &'a TaskRun) -> Self::Future;
}

impl<'a, F, Fut> BorrowingHook<'a> for F
where
    F: Fn(&'a TaskRun) -> Fut,
    Fut: Future<Output = ()> + Send + 'a,
{
    type Future = Fut;

    fn call_with(&self, run: &'a TaskRun) -> Fut {
        self(run)
    }
}

/// A function as a [`Hook`].
#[doc(hidden)]
pub struct HookOf<F, How>(F, PhantomData<fn() -> How>);

impl<F, How> HookOf<F, How> {
    pub(crate) const fn new(function: F) -> Self {
        Self(function, PhantomData)
    }
}

impl<F: HookFn<How>, How> Hook for HookOf<F, How> {
    fn is_awaited(&self) -> bool {
        F::IS_AWAITED
    }

    fn call(&self, run: &TaskRun) -> Option<BoxFuture<'static, ()>> {
        self.0.call_hook(run)
    }
}

impl<F, How> fmt::Debug for HookOf<F, How> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HookOf")
    }
}
