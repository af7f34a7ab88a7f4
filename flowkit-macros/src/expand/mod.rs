//! Generates the code of an attribute. The code describes the function; the library decides how it runs.
//!
//! ```text
//! fn fetch(url: String) -> Call<…>          the call, in the value namespace
//! struct fetch {}  impl fetch { … }         the twin, in the type namespace: of, submit, map, raw, …
//! struct __flowkit_fetch<…> { url: … }      the body: the function with its arguments
//! const _: () = { impl Body for …           the library's questions about it
//!                 impl Dispatch for … }     how it is called: a flow becomes its own run
//! ```
//!
//! `snapshots/` has the complete code for a task, for one that borrows, and for a flow.

mod body;
mod call_key;
mod callable;
mod crate_path;
mod flow_only;
mod info;
mod span_range;
mod task_only;
mod test;
mod twin;

// The code depends on the library's features.
#[cfg(test)]
#[cfg(all(feature = "store", feature = "testing"))]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::{Flow, Task};
use body::BodyParts;
use callable::Callable;

pub(crate) use crate_path::under_path;
pub(crate) use test::test;

pub(crate) fn task(task: Task, source: &TokenStream) -> TokenStream {
    let Task { options, function } = task;
    let info = info::task(&options, &function, source);
    let extras = task_only::TaskExtras { options: &options };
    let callable = Callable::new(function);
    let twin = twin::expand(&callable, "task", &TokenStream::new());
    let call_key = call_key::call_key(&callable, &options.identity, options.is_at_most_once());
    let parts = BodyParts {
        info,
        methods: [extras.methods(&callable), call_key].into_iter().collect(),
        dispatch: TokenStream::new(),
        checks: extras.checks(&callable),
        impls: TokenStream::new(),
    };
    let body = body::expand(&callable, &parts);
    quote!(#twin #body)
}

pub(crate) fn flow(flow: Flow, source: &TokenStream) -> TokenStream {
    let Flow { options, function } = flow;
    let info = info::flow(&options, &function, source);
    let callable = Callable::new(function);
    let more = [flow_only::resume(&callable), flow_only::spec(&callable)].into_iter().collect();
    let twin = twin::expand(&callable, "flow", &more);
    let call_key = call_key::call_key(&callable, &options.identity, false);
    let impls = [Some(flow_only::flow_body(&callable)), flow_only::by_type(&callable)];
    let parts = BodyParts {
        info,
        methods: [flow_only::methods(&options, &callable), call_key].into_iter().collect(),
        dispatch: flow_only::dispatch(),
        checks: flow_only::checks(&options, &callable),
        impls: impls.into_iter().flatten().collect(),
    };
    let body = body::expand(&callable, &parts);
    quote!(#twin #body)
}
