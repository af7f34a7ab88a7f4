//! The attributes of flowkit: `#[task]`, `#[flow]` and `#[flowkit::test]`.
//!
//! This crate handles form, not behaviour: it reads an attribute's options (`options`), checks the function (`signature`), and
//! generates the call and its description (`expand`). Everything that happens at run time is in `flowkit`. What users read of the
//! attributes is in `docs`; its examples need flowkit, so the workspace's `tests` compile them.

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

use model::{AttributeOptions, Model};

#[doc = include_str!("docs/task.md")]
#[proc_macro_attribute]
pub fn task(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = TokenStream2::from(item);
    emit(model::Task::parse(args.into(), item.clone()), &item, expand::task)
}

#[doc = include_str!("docs/flow.md")]
#[proc_macro_attribute]
pub fn flow(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = TokenStream2::from(item);
    emit(model::Flow::parse(args.into(), item.clone()), &item, expand::flow)
}

#[doc = include_str!("docs/test.md")]
#[proc_macro_attribute]
pub fn test(args: TokenStream, item: TokenStream) -> TokenStream {
    let item = TokenStream2::from(item);
    emit(model::Test::parse(args.into(), item.clone()), &item, |test, _| expand::test(test))
}

/// Emits the code of the model, and all errors.
fn emit<O: AttributeOptions>(
    (model, checked): (Option<Model<O>>, syn::Result<()>),
    item: &TokenStream2,
    expand: fn(Model<O>, &TokenStream2) -> TokenStream2,
) -> TokenStream {
    let expanded = match (model, &checked) {
        (Some(model), _) => {
            let crate_path = model.options.crate_path().map(|path| path.value.clone());
            let expanded = expand(model, item);
            match crate_path {
                Some(path) => expand::under_path(expanded, &path),
                None => expanded,
            }
        }
        (None, Err(error)) => signature::fallback(item.clone(), error),
        (None, Ok(())) => quote!(::core::compile_error!("bug in flowkit: no function and no error");),
    };
    let errors = checked.err().map(syn::Error::into_compile_error);
    quote!(#errors #expanded).into()
}
