//! The attributes of flowkit: `#[task]`, `#[flow]` and `#[flowkit::test]`.
//!
//! This crate handles form, not behaviour: it reads an attribute's options (`options`), checks the function (`signature`), and
//! generates the call and its description (`expand`). Everything that happens at run time is in `flowkit`.

mod attribute;
mod duration;
mod errors;
mod expand;
mod model;
mod options;
mod signature;

#[cfg(test)]
mod tests;

use proc_macro::TokenStream;
use proc_macro2::TokenStream as TokenStream2;
use quote::quote;

/// Turns a function into a task: its calls can be retried, timed, cached and run in parallel, and are recorded.
///
/// # Options
///
/// | key | value | meaning; default |
/// |---|---|---|
/// | `name` | `"Load pages"` | the name that people see; the function's name |
/// | `description` | text | the doc comment |
/// | `version` | `"2"` | part of the cache key; none |
/// | `tags` | `["a", "b"]` | for filters; a tag with the name of a limit takes one slot of it; none |
/// | `run_name` | `"fetch {url}"` | the name of one run, from its arguments; the task's name and index |
/// | `retries` | `3` | attempts after the first; 0 |
/// | `retry_delay` | `"1s"` or `["1s", "5s"]` | the wait before a retry; a list repeats its last value; none |
/// | `backoff` | `"fixed"`, `"linear"`, `"exponential"` | how a single delay grows; `"fixed"` |
/// | `max_retry_delay` | `"1m"` | the longest wait, before jitter; 1 h, or the delay itself if that is longer |
/// | `jitter` | `0.2` | the random share of a wait, 0 to 1; 0 |
/// | `retry_if` | `\|error\| error.is_transient()` | which errors to retry; all |
/// | `timeout` | `"30s"` | the time limit of one attempt; unlimited |
/// | `critical` | (no value) | if the task fails, so does the flow, and everything in it ends; otherwise the flow continues |
/// | `cache` | `"inputs"`, `"run"`, `"none"`, `\|a, b\| key` | when an equal call reuses the result; `"none"` |
/// | `cache_ttl` | `"1h"` | for how long; unlimited |
/// | `persist` | `"auto"`, `"always"`, `"never"` | with a store, whether the result outlives the process: if its type is `Serialize + Deserialize`; it must; it must not; `"auto"` |
/// | `at_most_once` | (no value) | an attempt with an unknown outcome is never repeated; see below |
/// | `ignore` | `(client, pool)` | parameters that do not affect the result: they neither distinguish calls nor enter the cache key; none |
/// | `key` | `\|page, n\| (page.id, *n)` | what distinguishes calls instead of all arguments, and the key of `cache = "inputs"`; see below |
/// | `concurrency` | `"gpu"`, `"gpu:2"`, or a list | the named limits whose slots an attempt takes; none |
/// | `trigger` | `"all_success"`, `"all_done"`, … | when to run, given how the inputs ended; `"all_success"` |
/// | `log_prints` | `true`, `false` | in a program of `flowkit::main!`, whether its prints go to the run's log; `true` |
/// | `on_running`, `on_success`, `on_failure`, `on_retry`, `on_cancel` | `\|run\| …`, or a list | what to call with the task run; nothing |
///
/// `persist = "auto"` depends on what the compiler knows where the task is declared: a result of a generic type is persisted if
/// its bounds say `T: Serialize + DeserializeOwned`; one whose type has a lifetime, such as `&'static str`, is not
/// (`Cow<'static, str>` is). A resumed run recomputes what was not persisted. If other tasks used such a result, they run again
/// too, unless the new value is equal to the old one, which flowkit can tell only if it is `Serialize`.
///
/// A retried flow or a resumed run recognizes a call by the content of its arguments, or for a handle by the call that it is the
/// result of. An argument that is not `Serialize`, such as a client or a connection pool, cannot be compared: calls that take one
/// run again, and never get another call's result. `ignore(client)` says that the argument makes no difference.
/// `key = |…| …` returns a value that replaces all arguments, unless one of them is a handle: then each argument is compared as
/// usual. A task that is `at_most_once` or `persist = "always"` must have arguments that can be compared, or use one of the two.
/// An argument that differs when it is written, read and written again, such as a set whose own `Serialize` writes it in its
/// hasher's order, cannot be compared either: an `at_most_once` task refuses it before it begins, and a cached task warns and
/// does not cache that call.
///
/// A flow cannot continue without a `critical` task: if that fails for good, or does not run because an input failed, flowkit
/// cancels everything else in the flow, the body ends at its next await, and the flow fails with
/// [`Error::CriticalFailed`](https://docs.rs/flowkit/latest/flowkit/enum.Error.html), whatever the body makes of it. Other
/// failures are values: the body decides, and `FlowRun::failures` lists them.
///
/// `at_most_once` is for what must not happen twice, such as a payment. If the process dies during an attempt, the run can be
/// resumed, but this task fails with an unknown outcome, for a person to check. It has no `retries`, not even from a flow's
/// `task_defaults`, since an attempt that timed out or panicked may have done its work. An error that it returned is an outcome,
/// even while the program is stopping: a later attempt of the flow, or `resume` of a failed run, may call it again. Its result
/// must be `Serialize + Deserialize`, because it cannot be computed again; if a value cannot be persisted (NaN, for instance),
/// the task fails, and neither a retry of the flow nor `resume` can repair that. If its inputs are recomputed with another value,
/// the call is refused instead of run again.
///
/// A plain `fn` runs on flowkit's blocking pool, and finds tokio there as in `spawn_blocking`: `Handle::current()`, a blocking
/// HTTP client and its own runtime all work. Awaited with borrowed arguments, it runs in place. On a multi-threaded runtime that
/// is `block_in_place`: all of that works too, and the thread's other work continues elsewhere, except in a `LocalSet`, where
/// such a call panics. A single-threaded runtime has to wait: everything else on it stops meanwhile, and an inner runtime panics;
/// submit the call there.
///
/// A trigger rule such as `"all_done"` lets a task run although an input failed, and then there is no value for that input: pass
/// it as `allow_failure(&handle)`, to a parameter of type `Result<T, flowkit::Error<E>>`. Otherwise the task does not run, and
/// its error says so.
///
/// What fails while a signal stops the program is not final, and `resume` runs it again: see
/// [`Runtime::suspend`](https://docs.rs/flowkit/latest/flowkit/struct.Runtime.html#method.suspend). Hooks also run for calls
/// outside a flow; there is no flow run then, and the task run that they see is not persisted.
///
/// ```text
/// #[task(retries = 3, retry_delay = "1s", backoff = "exponential")]
/// async fn fetch(url: String) -> Result<String, reqwest::Error> { … }
/// ```
#[proc_macro_attribute]
pub fn task(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = TokenStream2::from(item);
    emit(model::Task::parse(args.into(), item.clone()), &item, expand::task)
}

/// Turns an `async fn` into a flow: the calls of tasks in it are recorded as its graph.
///
/// # Options
///
/// | key | value | meaning; default |
/// |---|---|---|
/// | `name`, `description`, `version`, `tags`, `run_name`, `log_prints` | as for a task | |
/// | `retries`, `retry_delay` | as for a task | the whole body runs again; calls that succeeded before keep their results |
/// | `timeout` | `"10m"` | the time limit of one attempt of the whole flow; its tasks end with it |
/// | `critical` | as for a task | in a flow that calls it |
/// | `ignore`, `key` | as for a task | in a flow that calls it, what identifies its node and the run behind that |
/// | `max_concurrency` | `4` | how many of its tasks run at the same time; no limit |
/// | `task_defaults` | `(retries = 2, timeout = "1h")` | options for its tasks that do not set them; `(critical)` ends it at the first failure |
/// | `fail_on_any_task` | (no value) | the flow fails if any of its tasks does; only its own result counts |
/// | `persist` | as for a task | its result, if another flow calls it |
/// | `durability` | `"full"`, `"relaxed"`, `"memory"` | when a result counts as persisted: once it is on disk, safe from a power loss; once it is on its way there; at once, and nothing is persisted; `"full"` |
/// | `on_running`, `on_success`, `on_failure`, `on_retry`, `on_cancel` | `\|run\| …`, or a list | what to call with the run |
///
/// The parameters of a flow may have doc comments and a default: `#[param(default = 100)] rows: u32`. The default applies when
/// the arguments come from outside, as JSON or from a command line; a call in Rust passes all of them. A default that is a string
/// is converted with `Into`.
///
/// `etl::resume(id)` resumes a run that another process began. It needs the arguments again, so all of them must be
/// `Serialize + Deserialize`; for generic types their bounds decide, as for `persist`. A flow with type parameters is resumed as
/// `etl::resume::<u32>(id)`.
#[proc_macro_attribute]
pub fn flow(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = TokenStream2::from(item);
    emit(model::Flow::parse(args.into(), item.clone()), &item, expand::flow)
}

/// Turns an `async fn` into a test with a paused clock, its own runtime, and seeded jitter.
///
/// `#[flowkit::test(seed = 7)]` sets the seed. When every task waits, the clock jumps to the next timer.
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = TokenStream2::from(item);
    emit(model::Test::parse(args.into(), item.clone()), &item, |test, _| expand::test(test))
}

/// Emits the code of the model, and all errors.
fn emit<M>(
    (model, checked): (Option<M>, syn::Result<()>),
    item: &TokenStream2,
    expand: fn(M, &TokenStream2) -> TokenStream2,
) -> TokenStream {
    let expanded = match (model, &checked) {
        (Some(model), _) => expand(model, item),
        (None, Err(error)) => signature::fallback(item.clone(), error),
        (None, Ok(())) => quote!(::core::compile_error!("bug in flowkit: no function and no error");),
    };
    let errors = checked.err().map(syn::Error::into_compile_error);
    quote!(#errors #expanded).into()
}
