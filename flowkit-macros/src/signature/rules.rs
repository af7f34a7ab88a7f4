//! What a function may not be under its attribute: one sentence each, at the smallest token.

use proc_macro2::Span;
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, FnArg, ItemFn, ParenthesizedGenericArguments, ReturnType, Safety, Signature, Type, TypeFnPtr,
    TypeImplTrait, TypeParamBound, TypeReference,
};

use super::{Output, bare, last_segment, lifetimes, param, type_arguments};
use crate::attribute::AttributeKind;
use crate::errors::Errors;

/// Each of them is a type parameter of the generated code; more read better as a struct.
const PARAMS_MAX: usize = 12;

/// Reports everything the function may not be.
pub(super) fn check(item: &ItemFn, place: AttributeKind, errors: &mut Errors) {
    for attr in &item.attrs {
        second_attribute(attr, place, errors);
    }
    qualifiers(&item.sig, place, errors);
    params(&item.sig, place, errors);
    if let ReturnType::Type(_, ty) = &item.sig.output
        && place != AttributeKind::Test
    {
        output(ty, place, errors);
    }
}

/// The word for what the attribute makes of a function.
fn noun(place: AttributeKind) -> &'static str {
    match place {
        AttributeKind::Task | AttributeKind::TaskDefaults => "task",
        AttributeKind::Flow => "flow",
        AttributeKind::Test => "test",
    }
}

fn second_attribute(attr: &Attribute, place: AttributeKind, errors: &mut Errors) {
    let path: Vec<String> = attr.path().segments.iter().map(|part| part.ident.to_string()).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let advice = match path[..] {
        ["task"] | ["flowkit", "task"] if place == AttributeKind::Task => "remove one of them",
        ["flow"] | ["flowkit", "flow"] if place == AttributeKind::Flow => "remove one of them",
        ["flowkit", "test"] if place == AttributeKind::Test => "remove one of them",
        ["test"] | ["tokio", "test"] if place == AttributeKind::Test => "`#[flowkit::test]` does its work",
        ["task" | "flow"] | ["flowkit", "task" | "flow"] => "a function is either",
        ["test"] | ["flowkit" | "tokio", "test"] => "call it from a test instead",
        ["tokio", "main"] => "call it from `main` instead",
        _ => return,
    };
    let name = path.join("::");
    let message = format!("{place} and `#[{name}]` cannot stand on one function; {advice}");
    errors.push(attr.path(), message);
}

fn qualifiers(sig: &Signature, place: AttributeKind, errors: &mut Errors) {
    let noun = noun(place);
    if place == AttributeKind::Flow && sig.asyncness.is_none() {
        errors.push(sig.fn_token, "a flow is an `async fn`; write `async` before `fn`");
    }
    if let Some(token) = &sig.constness {
        errors.push(token, format!("a {noun} cannot be a `const fn`; remove `const`"));
    }
    if let Safety::Unsafe(token) = &sig.safety {
        let message = format!("a {noun} cannot be an `unsafe fn`; put `unsafe` inside its body");
        errors.push(token, message);
    }
    if let Some(abi) = &sig.abi {
        let message = format!("a {noun} cannot be an `extern fn`; call the foreign function in its body");
        errors.push(abi.extern_token, message);
    }
}

fn params(sig: &Signature, place: AttributeKind, errors: &mut Errors) {
    let noun = noun(place);
    if let Some(variadic) = &sig.variadic {
        let message = format!("a {noun} takes a fixed number of parameters; take a `Vec` instead");
        errors.push(variadic.dots, message);
    }
    if let (AttributeKind::Test, Some(first)) = (place, sig.inputs.first()) {
        errors.push(first, "a test takes no parameters");
        return;
    }
    if let Some(FnArg::Typed(extra)) = sig.inputs.iter().nth(PARAMS_MAX) {
        let count = sig.inputs.len();
        let message =
            format!("a {noun} takes at most {PARAMS_MAX} parameters, not {count}; put some into a struct");
        errors.push(&extra.pat, message);
    }
    for input in &sig.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                let message = format!(
                    "a {noun} is a free function; move it out of the `impl` \
                     and take the value as a parameter"
                );
                errors.push(receiver.self_token, message);
            }
            FnArg::Typed(param) => {
                for attr in &param.attrs {
                    if ["cfg", "cfg_attr"].iter().any(|name| attr.path().is_ident(name)) {
                        let message = "a parameter cannot depend on `cfg`; \
                                       put it on the function, once for each case";
                        errors.push(attr.path(), message);
                    }
                    if param::is_ours(attr) {
                        param::check(attr, place, errors);
                    }
                }
                param_type(&param.ty, place, errors);
            }
        }
    }
}

fn param_type(ty: &Type, place: AttributeKind, errors: &mut Errors) {
    let noun = noun(place);
    let found = Refused::in_type(ty);
    if let Some(token) = found.impl_trait {
        let message = format!(
            "a {noun} cannot take `impl Trait`; name the type: \
             `fn name<T: Trait>(value: T)`"
        );
        errors.push_at(token, message);
    }
    if let Some(token) = found.mutable {
        let message = format!(
            "a {noun} cannot take `&mut`: it may run again; \
             take the value and return the changed one"
        );
        errors.push_at(token, message);
    } else if place == AttributeKind::Flow
        && let Some(token) = found.reference.or_else(|| borrow(ty))
    {
        let owned = match bare(ty) {
            Type::Reference(reference) => {
                format!("take `{}` instead of `{}`", owned(&reference.elem), tidy(ty))
            }
            _ => format!("take an owned type instead of `{}`", tidy(ty)),
        };
        let message = format!(
            "a flow's parameters are owned values: they are recorded, \
             and its body is spawned; {owned}"
        );
        errors.push_at(token, message);
    }
}

fn output(ty: &Type, place: AttributeKind, errors: &mut Errors) {
    let noun = noun(place);
    if let Some(boxed) = error_that_stays_in_its_thread(ty) {
        let boxed_text = tidy(boxed);
        let message = format!(
            "the error of a {noun} crosses threads, and `{boxed_text}` cannot; \
             write `{} + Send + Sync>`, or `flowkit::BoxError`",
            boxed_text.trim_end_matches('>')
        );
        errors.push(boxed, message);
    }
    if let Type::Never(never) = bare(ty) {
        let message = format!("a {noun} ends with a value; write the type it returns, or `()`");
        errors.push(never, message);
    }
    if let Some(token) = Refused::in_type(ty).impl_trait {
        let message = format!("a {noun} cannot return `impl Trait`; name the type, or box it");
        errors.push_at(token, message);
    }
    if let Some(token) = borrow(ty) {
        let owned = match bare(ty) {
            Type::Reference(reference) => {
                format!("return `{}` instead of `{}`", owned(&reference.elem), tidy(ty))
            }
            _ => "clone what it borrows".to_owned(),
        };
        errors.push_at(token, format!("a {noun} returns owned values; {owned}"));
    }
}

/// Reports a value that would be read back, and cannot be: text that is read is owned by somebody.
pub(crate) fn check_kept(output: &Output, place: AttributeKind, errors: &mut Errors) {
    let value = output.value_place();
    if let Some(token) = output.reference() {
        let owned = match bare(value) {
            Type::Reference(reference) => format!("`{}`", owned(&reference.elem)),
            _ => "owned values".to_owned(),
        };
        let message = format!(
            "the result of this {} is kept and read back, and `{}` cannot be read; return {owned}",
            noun(place),
            tidy(value)
        );
        errors.push_at(token, message);
    }
}

/// Finds the first `&` of a type.
pub(super) fn reference(ty: &Type) -> Option<Span> {
    Refused::in_type(ty).reference
}

/// Finds the `Box<dyn Error>` of a `Result<T, Box<dyn Error>>`: the most usual error type, and the compiler has no word on
/// what to write instead.
fn error_that_stays_in_its_thread(ty: &Type) -> Option<&Type> {
    let result = last_segment(ty).filter(|segment| segment.ident == "Result")?;
    let error = type_arguments(result).nth(1)?;
    let boxed = last_segment(error).filter(|segment| segment.ident == "Box")?;
    let Type::TraitObject(object) = type_arguments(boxed).next()? else { return None };
    let traits = object.bounds.iter().filter_map(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().map(|segment| segment.ident.to_string()),
        _ => None,
    });
    let traits: Vec<String> = traits.collect();
    (traits == ["Error"]).then_some(error)
}

/// Finds the first lifetime of a type, written or not, but `'static`.
fn borrow(ty: &Type) -> Option<Span> {
    let mut found = None;
    lifetimes::visit(&mut ty.clone(), |lifetime, span| {
        if lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static") {
            found.get_or_insert(span);
        }
    });
    found
}

/// Gives the type which owns what `elem` borrows, as a user would write it.
fn owned(elem: &Type) -> String {
    match bare(elem) {
        Type::Slice(slice) => format!("Vec<{}>", owned_item(&slice.elem)),
        Type::TraitObject(object) => format!("Box<{}>", tidy(object)),
        other => match tidy(other).as_str() {
            "str" => "String".to_owned(),
            "Path" | "std::path::Path" => "PathBuf".to_owned(),
            _ => owned_item(other),
        },
    }
}

/// The same for what may itself be a reference: `&&str`, `&[&str]`.
fn owned_item(ty: &Type) -> String {
    match bare(ty) {
        Type::Reference(reference) => owned(&reference.elem),
        other => tidy(other),
    }
}

/// Writes a type as a user would, without the spaces between its tokens.
pub(crate) fn tidy(ty: impl ToTokens) -> String {
    let spaced = ty.to_token_stream().to_string();
    let tight = ["<", ">", "::", "&", "[", "("];
    let mut text = spaced.replace(" ,", ",");
    for token in tight {
        text = text.replace(&format!("{token} "), token);
    }
    for token in ["<", ">", "::", "]", ")"] {
        text = text.replace(&format!(" {token}"), token);
    }
    text
}

/// The first of each thing which is refused wherever it stands in a type.
#[derive(Default)]
struct Refused {
    /// An `impl`.
    impl_trait: Option<Span>,
    /// The `&` of a reference, which only flows refuse.
    reference: Option<Span>,
    /// The `mut` of a `&mut`.
    mutable: Option<Span>,
}

impl Refused {
    fn in_type(ty: &Type) -> Self {
        let mut found = Self::default();
        found.visit_type_mut(&mut ty.clone());
        found
    }
}

impl VisitMut for Refused {
    fn visit_type_impl_trait_mut(&mut self, ty: &mut TypeImplTrait) {
        self.impl_trait.get_or_insert(ty.impl_token.span);
    }

    fn visit_type_reference_mut(&mut self, reference: &mut TypeReference) {
        self.reference.get_or_insert(reference.and_token.span);
        self.mutable = self.mutable.or(reference.mutability.map(|token| token.span));
        visit_mut::visit_type_reference_mut(self, reference);
    }

    fn visit_type_fn_ptr_mut(&mut self, _: &mut TypeFnPtr) {}

    fn visit_parenthesized_generic_arguments_mut(&mut self, _: &mut ParenthesizedGenericArguments) {}
}
