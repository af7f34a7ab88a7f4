//! What an attribute refuses about its function: one sentence each, at the smallest token.

use proc_macro2::Span;
use quote::ToTokens;
use syn::visit_mut::{self, VisitMut};
use syn::{
    Attribute, FnArg, ItemFn, ParenthesizedGenericArguments, ReturnType, Safety, Signature, Type, TypeFnPtr,
    TypeImplTrait, TypeParamBound, TypeReference,
};

use super::in_impl::{self, Sign};
use super::{Output, bare, last_segment, lifetimes, param, type_arguments};
use crate::attribute::AttributeKind;
use crate::errors::Errors;

/// Each is a type parameter in the generated code, and more read better as a struct.
const PARAMS_MAX: usize = 12;

/// Reports everything that the attribute refuses.
pub(super) fn check(item: &mut ItemFn, kind: AttributeKind, errors: &mut Errors) {
    not_in_impl(item, kind, errors);
    for attr in &item.attrs {
        second_attribute(attr, kind, errors);
    }
    qualifiers(&item.sig, kind, errors);
    params(&item.sig, kind, errors);
    if let ReturnType::Type(_, ty) = &item.sig.output
        && kind != AttributeKind::Test
    {
        output(ty, kind, errors);
    }
}

/// Returns the word for what the attribute makes of a function.
fn noun(kind: AttributeKind) -> &'static str {
    match kind {
        AttributeKind::Task | AttributeKind::TaskDefaults => "task",
        AttributeKind::Flow => "flow",
        AttributeKind::Test => "test",
    }
}

fn second_attribute(attr: &Attribute, kind: AttributeKind, errors: &mut Errors) {
    let path: Vec<String> = attr.path().segments.iter().map(|part| part.ident.to_string()).collect();
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    let advice = match path[..] {
        ["task"] | ["flowkit", "task"] if kind == AttributeKind::Task => "remove one of them",
        ["flow"] | ["flowkit", "flow"] if kind == AttributeKind::Flow => "remove one of them",
        ["flowkit", "test"] if kind == AttributeKind::Test => "remove one of them",
        ["test"] | ["tokio", "test"] if kind == AttributeKind::Test => "`#[flowkit::test]` replaces it",
        ["task" | "flow"] | ["flowkit", "task" | "flow"] => "a function is either a task or a flow",
        ["test"] | ["flowkit" | "tokio", "test"] => "call it from a test instead",
        ["tokio", "main"] => "call it from `main` instead",
        _ => return,
    };
    let name = path.join("::");
    let message = format!("{kind} and `#[{name}]` cannot be on one function; {advice}");
    errors.push(attr.path(), message);
}

fn not_in_impl(item: &mut ItemFn, kind: AttributeKind, errors: &mut Errors) {
    let (span, instead) = match in_impl::sign(item) {
        None => return,
        Some(Sign::Receiver(span)) => (span, "take the value as a parameter"),
        Some(Sign::SelfType(span)) => (span, "write the name of the type instead of `Self`"),
    };
    let message = format!("a {} is a free function; move it out of the `impl` and {instead}", noun(kind));
    errors.push_at(span, message);
}

fn qualifiers(sig: &Signature, kind: AttributeKind, errors: &mut Errors) {
    let noun = noun(kind);
    if kind == AttributeKind::Flow && sig.asyncness.is_none() {
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

fn params(sig: &Signature, kind: AttributeKind, errors: &mut Errors) {
    let noun = noun(kind);
    if let Some(variadic) = &sig.variadic {
        let message = format!("a {noun} takes a fixed number of parameters; take a `Vec` instead");
        errors.push(variadic.dots, message);
    }
    if let (AttributeKind::Test, Some(first)) = (kind, sig.inputs.first()) {
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
            // Reported by `not_in_impl`.
            FnArg::Receiver(_) => {}
            FnArg::Typed(param) => {
                for attr in &param.attrs {
                    if ["cfg", "cfg_attr"].iter().any(|name| attr.path().is_ident(name)) {
                        let message = "a parameter cannot have `cfg`; \
                                       write the function once per case, with `cfg` on each";
                        errors.push(attr.path(), message);
                    }
                    if param::is_ours(attr) {
                        param::check(attr, kind, errors);
                    }
                }
                param_type(&param.ty, kind, errors);
            }
        }
    }
}

fn param_type(ty: &Type, kind: AttributeKind, errors: &mut Errors) {
    let noun = noun(kind);
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
    } else if kind == AttributeKind::Flow
        && let Some(token) = found.reference.or_else(|| borrow(ty))
    {
        let owned = match bare(ty) {
            Type::Reference(reference) => {
                format!("take `{}` instead of `{}`", owned(&reference.elem), tidy(ty))
            }
            _ => format!("take an owned type instead of `{}`", tidy(ty)),
        };
        let message = format!(
            "a flow takes owned values, since it records its parameters \
             and spawns its body; {owned}"
        );
        errors.push_at(token, message);
    }
}

fn output(ty: &Type, kind: AttributeKind, errors: &mut Errors) {
    let noun = noun(kind);
    if let Some(boxed) = error_that_stays_in_its_thread(ty) {
        let boxed_text = tidy(boxed);
        let message = format!(
            "the error of a {noun} must cross threads, and `{boxed_text}` cannot; \
             write `{} + Send + Sync>`, or `flowkit::BoxError`",
            boxed_text.trim_end_matches('>')
        );
        errors.push(boxed, message);
    }
    if let Type::Never(never) = bare(ty) {
        let message = format!("a {noun} returns a value; write its type, or `()`");
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

/// Reports a value that must be persisted but cannot be read back, since what is read is owned.
pub(crate) fn check_readable(output: &Output, kind: AttributeKind, errors: &mut Errors) {
    let value = output.value_type();
    if let Some(token) = output.reference() {
        let owned = match bare(value) {
            Type::Reference(reference) => format!("`{}`", owned(&reference.elem)),
            _ => "owned values".to_owned(),
        };
        let message = format!(
            "the result of this {} is persisted, and `{}` cannot be read back; return {owned}",
            noun(kind),
            tidy(value)
        );
        errors.push_at(token, message);
    }
}

/// Finds the first `&` of a type.
pub(super) fn reference(ty: &Type) -> Option<Span> {
    Refused::in_type(ty).reference
}

/// Finds the `Box<dyn Error>` of a `Result<T, Box<dyn Error>>`: the most common error type, and the compiler does not say what
/// to write instead.
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

/// Finds the first lifetime of a type, named or elided, except `'static`.
fn borrow(ty: &Type) -> Option<Span> {
    let mut found = None;
    lifetimes::visit(&mut ty.clone(), |lifetime, span| {
        if lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static") {
            found.get_or_insert(span);
        }
    });
    found
}

/// Returns the type that owns what `elem` borrows, as users would write it.
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

/// The same for a type that may itself be a reference: `&&str`, `&[&str]`.
fn owned_item(ty: &Type) -> String {
    match bare(ty) {
        Type::Reference(reference) => owned(&reference.elem),
        other => tidy(other),
    }
}

/// Writes a type as users would, without the spaces between its tokens.
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

/// The first occurrence in a type of each thing that is refused anywhere in it.
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
