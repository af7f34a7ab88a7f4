//! The model of the function under an attribute.
//!
//! `item` finds the function, `in_impl` notices a method, `rules` refuses what cannot be a task or a flow, `lifetimes` names elided lifetimes. Does not
//! know options.

mod in_impl;
mod item;
mod lifetimes;
mod param;
mod rules;
#[cfg(test)]
mod tests;

use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote};
use syn::{
    Attribute, Block, Expr, FnArg, GenericArgument, Generics, Ident, ItemFn, Lifetime, Meta, Pat, PatType,
    PathArguments, PathSegment, ReturnType, Token, Type, TypeParamBound, Visibility, parse_quote,
};

pub(crate) use self::item::fallback;
pub(crate) use self::lifetimes::mentions_lifetime;
pub(crate) use self::rules::{check_readable, tidy};

use crate::attribute::AttributeKind;
use crate::errors::Errors;

/// A function that its attribute accepts.
#[derive(Clone)]
pub(crate) struct Function {
    pub attrs: Attrs,
    pub vis: Visibility,
    pub asyncness: Option<Token![async]>,
    pub ident: Ident,
    /// With the where clause.
    pub generics: Generics,
    pub params: Vec<Param>,
    pub output: Output,
    pub block: Box<Block>,
}

/// The other attributes of the function, by where they go in the generated code.
#[derive(Default, Clone)]
pub(crate) struct Attrs {
    /// For both generated items.
    pub docs: Vec<Attribute>,
    /// `#[deprecated]`, at most one.
    pub deprecated: Vec<Attribute>,
    pub cfgs: Vec<Attribute>,
    pub lints: Vec<Attribute>,
    pub others: Vec<Attribute>,
}

/// A parameter of the function.
#[derive(Clone)]
pub(crate) struct Param {
    /// The ident of the pattern, or `__flowkit_arg0` if it has none.
    pub ident: Ident,
    /// The pattern as written, such as `mut x` or `(a, b)`.
    pub pat: Pat,
    pub ty: Type,
    pub kind: ParamKind,
    /// The attributes, such as `#[allow(unused)]`.
    pub attrs: Vec<Attribute>,
    /// Its doc comments.
    pub docs: Vec<Attribute>,
    /// The value of `#[param(default = …)]`.
    pub default: Option<Expr>,
}

#[derive(Clone)]
pub(crate) enum ParamKind {
    /// A value, or a `&'static`: no caller can lend for that long.
    Owned,
    /// `&elem`.
    Borrowed { lifetime: Option<Lifetime>, elem: Box<Type> },
}

/// What the function returns.
#[derive(Clone)]
pub(crate) struct Output {
    /// `()` if the function declares none.
    pub ty: Type,
    /// Whether its path ends in `Result`.
    pub is_result: bool,
}

impl Output {
    /// The type to underline if the value is at fault: `T` of a visible `Result<T, E>`, otherwise the whole type.
    pub(crate) fn value_type(&self) -> &Type {
        self.argument(0).filter(|_| self.is_result).unwrap_or(&self.ty)
    }

    /// Finds the first `&` in the value.
    pub(crate) fn reference(&self) -> Option<Span> {
        rules::reference(self.value_type())
    }

    /// The type to underline if the error is at fault: `E` of a visible `Result<T, E>`, otherwise the whole type.
    pub(crate) fn error_type(&self) -> &Type {
        self.argument(1).unwrap_or(&self.ty)
    }

    /// Returns a generic argument as declared.
    fn argument(&self, position: usize) -> Option<&Type> {
        type_arguments(last_segment(&self.ty)?).nth(position)
    }
}

impl Function {
    /// Reads a function, and reports everything that its attribute refuses.
    ///
    /// Returns it even with errors, for checks that compare it with the options; `None` only if the item is not a function.
    pub(crate) fn parse(item: TokenStream, kind: AttributeKind, errors: &mut Errors) -> Option<Self> {
        let mut item = errors.take(item::parse(item, kind))?;
        rules::check(&mut item, kind, errors);
        Some(Self::from(item))
    }

    /// Names every elided lifetime of the parameters and declares it in the generics.
    ///
    /// Returns all lifetimes in the parameters except `'static`, once each, in order.
    pub(crate) fn name_lifetimes(&mut self) -> Vec<Lifetime> {
        let types = self.params.iter_mut().map(|param| &mut param.ty);
        let lifetimes = lifetimes::name(types, &mut self.generics);
        for param in &mut self.params {
            param.kind = ParamKind::of(&param.ty);
            param.kind.bound_trait_object();
        }
        lifetimes
    }
}

impl From<ItemFn> for Function {
    fn from(item: ItemFn) -> Self {
        let params = item.sig.inputs.into_iter().enumerate().filter_map(|(position, input)| {
            match input {
                FnArg::Typed(input) => Some(Param::new(position, input)),
                // Refused by `rules`.
                FnArg::Receiver(_) => None,
            }
        });
        Self {
            attrs: Attrs::from(item.attrs),
            vis: item.vis,
            asyncness: item.sig.asyncness,
            ident: item.sig.ident,
            generics: item.sig.generics,
            params: params.collect(),
            output: Output::from(item.sig.output),
            block: item.block,
        }
    }
}

impl Attrs {
    /// The lints that the user allows in the function; its names and types also occur in the rest of the generated code.
    pub(crate) fn allowed(&self) -> impl Iterator<Item = TokenStream> {
        let lists = self.lints.iter().filter_map(|lint| match &lint.meta {
            Meta::List(list) if ["allow", "expect"].iter().any(|word| list.path.is_ident(word)) => {
                Some(&list.tokens)
            }
            _ => None,
        });
        lists.map(|lints| quote!(#[allow(#lints)]))
    }
}

impl From<Vec<Attribute>> for Attrs {
    fn from(attrs: Vec<Attribute>) -> Self {
        let mut sorted = Self::default();
        for attr in attrs {
            let first = attr.path().segments.first().map(|first| first.ident.to_string());
            let group = match first.as_deref() {
                Some("doc") => &mut sorted.docs,
                Some("deprecated") => &mut sorted.deprecated,
                Some("cfg") => &mut sorted.cfgs,
                Some("allow" | "expect" | "warn" | "deny" | "forbid" | "clippy") => &mut sorted.lints,
                _ => &mut sorted.others,
            };
            group.push(attr);
        }
        sorted
    }
}

impl Param {
    fn new(position: usize, input: PatType) -> Self {
        let ident = match &*input.pat {
            Pat::Ident(pat) if pat.subpat.is_none() => pat.ident.clone(),
            _ => format_ident!("__flowkit_arg{position}"),
        };
        // rustc warns about doc comments on a parameter, and does not know `param`.
        let (docs, attrs): (Vec<_>, Vec<_>) =
            input.attrs.into_iter().partition(|attr| attr.path().is_ident("doc"));
        let (ours, attrs): (Vec<_>, Vec<_>) = attrs.into_iter().partition(param::is_ours);
        let default = ours.iter().find_map(param::default);
        let kind = ParamKind::of(&input.ty);
        Self { ident, pat: *input.pat, ty: *input.ty, kind, attrs, docs, default }
    }

    /// Whether its pattern is not a name.
    pub(crate) fn is_anonymous(&self) -> bool {
        !matches!(&self.pat, Pat::Ident(pat) if pat.subpat.is_none())
    }
}

impl ParamKind {
    fn of(ty: &Type) -> Self {
        match bare(ty) {
            Type::Reference(reference)
                if reference.lifetime.as_ref().is_none_or(|lifetime| lifetime.ident != "static") =>
            {
                let elem = Box::new(bare(&reference.elem).clone());
                Self::Borrowed { lifetime: reference.lifetime.clone(), elem }
            }
            _ => Self::Owned,
        }
    }

    /// Adds the bound `'a` to the trait object of `&'a dyn Trait`: without the `&`, the default bound would be `'static`.
    fn bound_trait_object(&mut self) {
        if let Self::Borrowed { lifetime: Some(lifetime), elem } = self
            && let Type::TraitObject(object) = &mut **elem
            && !object.bounds.iter().any(|bound| matches!(bound, TypeParamBound::Lifetime(_)))
        {
            object.bounds.push(TypeParamBound::Lifetime(lifetime.clone()));
        }
    }
}

impl From<ReturnType> for Output {
    fn from(output: ReturnType) -> Self {
        let ty = match output {
            ReturnType::Default => parse_quote!(()),
            ReturnType::Type(_, ty) => *ty,
        };
        let is_result = last_segment(&ty).is_some_and(|last| last.ident == "Result");
        Self { ty, is_result }
    }
}

/// Looks through parentheses, visible or invisible (those around a `macro_rules!` variable).
fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        _ => ty,
    }
}

/// Returns the last part of a path: the `Result<T, E>` of `core::result::Result<T, E>`.
fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(path) => path.path.segments.last(),
        _ => None,
    }
}

fn type_arguments(segment: &PathSegment) -> impl Iterator<Item = &Type> {
    let arguments = match &segment.arguments {
        PathArguments::AngleBracketed(arguments) => Some(&arguments.args),
        _ => None,
    };
    arguments.into_iter().flatten().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    })
}
