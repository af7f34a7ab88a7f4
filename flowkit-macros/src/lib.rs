//! The attributes of flowkit: `#[task]`, `#[flow]` and `#[flowkit::test]`.
//!
//! This crate knows form, never behaviour: it reads what an attribute says (`options`), checks the function
//! (`signature`), and writes down a call and its description (`expand`). What happens at run time is in `flowkit`.

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

/// Makes a task of a function: a call of it can be retried, timed, cached, run beside others, and is recorded.
///
/// # What may be said
///
/// | key | value | meaning, and what holds if it is not given |
/// |---|---|---|
/// | `name` | `"Load pages"` | the name that people see; the function's name |
/// | `description` | text | the doc comment |
/// | `version` | `"2"` | part of the cache key; none |
/// | `tags` | `["a", "b"]` | for filters; a tag with the name of a limit takes one slot of it; none |
/// | `run_name` | `"fetch {url}"` | the name of one run, from its arguments; the task's name and index |
/// | `retries` | `3` | attempts after the first; 0 |
/// | `retry_delay` | `"1s"` or `["1s", "5s"]` | the wait before a retry; of a list the last value repeats; none |
/// | `backoff` | `"fixed"`, `"linear"`, `"exponential"` | how a single delay grows; `"fixed"` |
/// | `max_retry_delay` | `"1m"` | the longest wait, before jitter; 1 h, or the delay itself if that is longer |
/// | `jitter` | `0.2` | the share of a wait that is left to chance, 0 to 1; 0 |
/// | `retry_if` | `\|error\| error.is_transient()` | which errors are worth a retry; all |
/// | `timeout` | `"30s"` | how long one attempt may take; for ever |
/// | `critical` | (no value) | a failure is one of the flow, which then ends with everything in it; the flow goes on without the task |
/// | `cache` | `"inputs"`, `"run"`, `"none"`, `\|a, b\| key` | when an equal call gets the known result; `"none"` |
/// | `cache_ttl` | `"1h"` | for how long; for ever |
/// | `persist` | `"auto"`, `"always"`, `"never"` | whether the result outlives the process, where there is a store: if its type is `Serialize + Deserialize`; or it must be; or it shall not; `"auto"` |
/// | `at_most_once` | (no value) | an attempt whose outcome nobody knows is never made again; see below |
/// | `ignore` | `(client, pool)` | arguments that do not change what comes out: calls are not told apart by them, and they are in no key of the cache; none |
/// | `key` | `\|page, n\| (page.id, *n)` | what tells calls apart instead of all arguments, and is the key of `cache = "inputs"`; see below |
/// | `concurrency` | `"gpu"`, `"gpu:2"`, or a list | the named limits of which an attempt takes slots; none |
/// | `trigger` | `"all_success"`, `"all_done"`, … | when to run, given how the inputs ended; `"all_success"` |
/// | `log_prints` | `true`, `false` | whether what it prints is kept in the log of its run, in a program of `flowkit::main!`; `true` |
/// | `on_running`, `on_success`, `on_failure`, `on_retry`, `on_cancel` | `\|run\| …`, or a list | what to call with the task run; nothing |
///
/// `persist = "auto"` goes by what the compiler knows where the task is written: a result of a type parameter is kept if
/// its bounds say `T: Serialize + DeserializeOwned`, and one whose type is written with a lifetime, such as
/// `&'static str`, is not (`Cow<'static, str>` is). What is not kept is made again when a run is resumed.
/// What was made from it by other tasks stands only if it gives the same value again, which its `Serialize` tells; without that
/// they run again too.
///
/// A retried flow and a resumed run find a call again by what it is given: the content of its arguments, or for a handle the
/// call that it is the result of. An argument that is not `Serialize`, such as a client or a pool of connections, cannot be
/// compared: calls that take one are made again, never given the result of another call. `ignore(client)` says that it
/// makes no difference; `key = |…| …` gives something that stands for all arguments, as long as none of them is a handle: beside
/// a handle, which is compared by itself, the other arguments are compared as they are. A task that is `at_most_once` or
/// `persist = "always"` must have arguments that can be compared, or say one of the two. An argument that differs when it is
/// written, read and written again, such as a set that its own `Serialize` writes in the order of its hasher, cannot be compared
/// either: an `at_most_once` task refuses it before it begins, and a cached one warns and is not cached for it.
///
/// A flow cannot go on without a `critical` task: when that fails for good, or does not run because an input has failed,
/// what else belongs to the flow is cancelled, its body ends at its next await, and it fails with
/// [`Error::CriticalFailed`](https://docs.rs/flowkit/latest/flowkit/enum.Error.html), whatever the body makes of it. Other
/// failures are values: the body decides, and `FlowRun::failures` sums them up.
///
/// `at_most_once` is for what must not happen twice, such as a payment. If the process dies during an attempt, the run can
/// be resumed, but this task fails with an unknown outcome: somebody has to look. It has no `retries`, not even those of
/// a flow's `task_defaults`, since an attempt that timed out or panicked may have done its work. An error that it returned
/// is an outcome, also while the program is being stopped: a later attempt of the flow, or `resume` of a run that failed,
/// may call it again. Its result must be `Serialize + Deserialize`, because it cannot be made again; a value that cannot be
/// persisted (NaN, for instance) is a failure that no retry of the flow and no `resume` makes good. Where what it was made from
/// is made anew and gives another value, it is refused instead of run again.
///
/// A plain `fn` runs on flowkit's blocking pool, and finds tokio there as in `spawn_blocking`: `Handle::current()`, a blocking
/// client of HTTP and a runtime of its own all work. Where it is awaited with borrowed arguments it runs in place. On a
/// multi-threaded runtime that is `block_in_place`: all of that works too, and what else the thread had to do goes on
/// elsewhere, unless it is a `LocalSet`, in which such a call panics. A single-threaded runtime can only wait: everything
/// else on it stands still meanwhile, and a runtime inside panics; submit the call there.
///
/// A trigger rule such as `"all_done"` lets a task run although an input has failed, and gives no value for it: an argument
/// that takes that input then is `allow_failure(&handle)`, and its parameter a `Result<T, flowkit::Error<E>>`. Without them
/// the task does not run, and its error says so.
///
/// What fails while the program is being stopped by a signal is not final, and `resume` makes it again: see
/// [`Runtime::suspend`](https://docs.rs/flowkit/latest/flowkit/struct.Runtime.html#method.suspend). The hooks of a call
/// outside a flow are called as well; there is no flow run then, and what they see of the task run is kept nowhere.
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

/// Makes a flow of an `async fn`: the calls of tasks in it are recorded as its graph.
///
/// # What may be said
///
/// | key | value | meaning, and what holds if it is not given |
/// |---|---|---|
/// | `name`, `description`, `version`, `tags`, `run_name`, `log_prints` | as for a task | |
/// | `retries`, `retry_delay` | as for a task | the whole body is tried again; calls that succeeded before are taken over |
/// | `timeout` | `"10m"` | how long one attempt of the whole flow may take; its tasks end with it |
/// | `critical` | as for a task | in a flow that calls it |
/// | `ignore`, `key` | as for a task | what finds its node, and the run behind it, again in a flow that calls it |
/// | `max_concurrency` | `4` | how many of its tasks run at the same time; no limit |
/// | `task_defaults` | `(retries = 2, timeout = "1h")` | what its tasks take that say nothing themselves; `(critical)` ends it at the first failure |
/// | `fail_on_any_task` | (no value) | the flow fails if any of its tasks does; only its own result counts |
/// | `persist` | as for a task | its result, where it is called by another flow |
/// | `durability` | `"full"`, `"relaxed"`, `"memory"` | when a result counts as kept: on disk, also if the power fails; on its way there; at once, and nothing is kept; `"full"` |
/// | `on_running`, `on_success`, `on_failure`, `on_retry`, `on_cancel` | `\|run\| …`, or a list | what to call with the run |
///
/// The parameters of a flow may have doc comments, and a default: `#[param(default = 100)] rows: u32`. A default counts where
/// the arguments come from outside as JSON or from a command line; a call in Rust gives all of them. A text becomes what
/// can be made `From<&str>`.
///
/// `etl::resume(id)` goes on with a run that another process began. It needs the arguments again, so all of them must be
/// `Serialize + Deserialize`; those of a type parameter by its bounds, as for `persist`. A flow with type parameters is
/// resumed as `etl::resume::<u32>(id)`.
#[proc_macro_attribute]
pub fn flow(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = TokenStream2::from(item);
    emit(model::Flow::parse(args.into(), item.clone()), &item, expand::flow)
}

/// Makes a test of an `async fn`, with the clock paused, a runtime of its own, and seeded jitter.
///
/// `#[flowkit::test(seed = 7)]` sets the seed. When every task waits, the clock jumps to the next timer.
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = TokenStream2::from(item);
    emit(model::Test::parse(args.into(), item.clone()), &item, |test, _| expand::test(test))
}

/// Writes what was read, and everything that is wrong about it.
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
