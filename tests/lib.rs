//! What must compile in a library whose author denies every lint of the compiler, and clippy's pedantic ones: generated code
//! warns about nothing. And the examples in the documentation of the attributes. The rest of this package is its tests.

#![deny(warnings, future_incompatible, keyword_idents, let_underscore, nonstandard_style, rust_2018_idioms)]
#![deny(rust_2021_compatibility, rust_2024_compatibility, unused)]
#![deny(
    ambiguous_negative_literals,
    explicit_outlives_requirements,
    impl_trait_redundant_captures,
    meta_variable_misuse,
    missing_copy_implementations,
    missing_debug_implementations,
    missing_docs,
    non_ascii_idents,
    redundant_imports,
    redundant_lifetimes,
    single_use_lifetimes,
    trivial_casts,
    trivial_numeric_casts,
    unit_bindings,
    unnameable_types,
    unreachable_pub,
    unused_import_braces,
    unused_lifetimes,
    unused_macro_rules,
    unused_qualifications,
    unused_results,
    variant_size_differences
)]
#![deny(clippy::all, clippy::pedantic, clippy::nursery)]
// Some of clippy's lints that users deny one by one.
#![deny(
    clippy::exhaustive_structs,
    clippy::impl_trait_in_params,
    clippy::missing_inline_in_public_items,
    clippy::question_mark_used,
    clippy::same_name_method,
    clippy::shadow_reuse,
    clippy::unwrap_used
)]
#![allow(clippy::missing_inline_in_public_items, clippy::question_mark_used, reason = "for the code below")]

pub mod strict_lints;

/// Their examples are doctests of this crate.
#[cfg(doctest)]
pub mod attributes {
    #[doc = include_str!("../flowkit-macros/src/docs/task.md")]
    pub struct Task;

    #[doc = include_str!("../flowkit-macros/src/docs/flow.md")]
    pub struct Flow;

    #[doc = include_str!("../flowkit-macros/src/docs/test.md")]
    pub struct Test;
}
