//! `#[flowkit::test]`: a test on one thread, with the clock paused.

use proc_macro2::TokenStream;
use quote::quote;

use crate::model::Test;

pub(crate) fn test(test: Test) -> TokenStream {
    let Test { options, function } = test;
    let seed = match options.seed {
        Some(seed) => {
            let seed = seed.value;
            quote!(::core::option::Option::Some(#seed))
        }
        None => quote!(::core::option::Option::None),
    };
    let (vis, name, output, block) = (&function.vis, &function.ident, &function.output.ty, &function.block);
    let attrs = &function.attrs;
    let (docs, cfgs, lints) = (&attrs.docs, &attrs.cfgs, &attrs.lints);
    let others = attrs.deprecated.iter().chain(&attrs.others);
    let body =
        if function.asyncness.is_some() { quote!(async move #block) } else { quote!(async move { #block }) };
    quote! {
        #(#docs)*
        #(#cfgs)*
        #(#lints)*
        #(#others)*
        #[::core::prelude::v1::test]
        #vis fn #name() -> #output {
            ::flowkit::testing::run(#seed, #body)
        }
    }
}
