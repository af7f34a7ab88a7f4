//! The description of a task, as a `static`: the options of its attribute as the library's types.

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Attribute, Expr, Lit, Meta, Stmt};

use super::span_range::SpanRange;
use crate::options::{self, Attempts, CacheValue, FlowOptions, Label, Persist, Spanned, TaskOptions};
use crate::signature::Function;

/// The name of the twin's function that returns the description.
pub(crate) fn path() -> Ident {
    Ident::new("__flowkit_info", Span::mixed_site())
}

pub(crate) fn task(options: &TaskOptions, function: &Function, source: &TokenStream) -> TokenStream {
    let declaration = declaration("Task", &options.label, function, source);
    let at_most_once = options.is_at_most_once();
    let must_persist = options.persist_mode() == Persist::Always;
    // Overrides the flow's `task_defaults`.
    let no_retries = at_most_once.then_some(0);
    let policy = policy(&options.attempts, no_retries, Some(options));
    let limits = options.concurrency.iter().flat_map(|limits| &limits.value).map(|limit| {
        let (name, weight) = (&limit.name, limit.weight);
        quote!(::flowkit::__private::Want { name: ::std::borrow::Cow::Borrowed(#name), weight: #weight })
    });
    let hooks = hooks(&options.hooks);
    let cache = match options.cache.as_ref().map(|cache| &cache.value) {
        None | Some(CacheValue::None) => quote!(Off),
        Some(CacheValue::Run) => quote!(Run),
        Some(CacheValue::Inputs | CacheValue::Key(_)) => quote!(Runtime),
    };
    let blocking = function.asyncness.is_none();
    quote! {
        ::flowkit::__private::TaskInfo {
            declaration: #declaration,
            policy: #policy,
            limits: &[#(#limits),*],
            hooks: #hooks,
            cache: ::flowkit::__private::CacheScope::#cache,
            blocking: #blocking,
            at_most_once: #at_most_once,
            must_persist: #must_persist,
            flow: ::flowkit::__private::FlowSettings::NONE,
        }
    }
}

pub(crate) fn flow(options: &FlowOptions, function: &Function, source: &TokenStream) -> TokenStream {
    let declaration = declaration("Flow", &options.label, function, source);
    let policy_of_flow = policy(&options.attempts, None, None);
    let hooks = hooks(&options.hooks);
    let defaults = match &options.task_defaults {
        Some(defaults) => policy(&defaults.value, None, None),
        None => quote!(::flowkit::__private::TaskPolicy::EMPTY),
    };
    let max_concurrency = option(options.max_concurrency.as_ref().map(|max| {
        let max = max.value;
        quote!(#max)
    }));
    let durability = option(options.durability.as_ref().map(|durability| {
        let name = Ident::new(&format!("{:?}", durability.value), Span::call_site());
        quote!(::flowkit::__private::Durability::#name)
    }));
    let must_persist = options.persist_mode() == Persist::Always;
    let fail_on_any_task = options.fail_on_any_task.as_ref().is_some_and(|fail| fail.value);
    quote! {
        ::flowkit::__private::TaskInfo {
            declaration: #declaration,
            policy: #policy_of_flow,
            limits: &[],
            hooks: #hooks,
            cache: ::flowkit::__private::CacheScope::Off,
            blocking: false,
            at_most_once: false,
            must_persist: #must_persist,
            flow: ::flowkit::__private::FlowSettings {
                task_defaults: #defaults,
                max_concurrency: #max_concurrency,
                fail_on_any_task: #fail_on_any_task,
                durability: #durability,
            },
        }
    }
}

fn declaration(kind: &str, label: &Label, function: &Function, source: &TokenStream) -> TokenStream {
    let kind_name = Ident::new(kind, Span::call_site());
    let ident = function.ident.unraw().to_string();
    let name = label.name.as_ref().map_or_else(|| ident.clone(), |name| name.value.clone());
    let description = label.description.as_ref().map(|description| description.value.clone());
    let description = description.unwrap_or_else(|| doc_text(&function.attrs.docs));
    let version = option(label.version.as_ref().map(|version| {
        let version = &version.value;
        quote!(#version)
    }));
    let tags = label.tags.iter().flat_map(|tags| &tags.value);
    let source_hash = hash(source);
    let log_prints = label.log_prints.as_ref().map(|log_prints| {
        let log_prints = log_prints.value;
        quote!(.__log_prints(#log_prints))
    });
    let owner = label.owner.as_ref().map(|owner| {
        let owner = &owner.value;
        quote!(.__owner(#owner))
    });
    // Where a run is told which revision it is of.
    let built = (kind == "Flow").then(|| {
        quote!(.__built(
            ::core::option_env!("CARGO_MANIFEST_DIR"),
            ::core::option_env!("FLOWKIT_GIT_REVISION"),
        ))
    });
    quote! {
        ::flowkit::__private::Declaration::__new(
            ::flowkit::__private::Kind::#kind_name,
            #name,
            ::core::concat!(::core::module_path!(), "::", #ident),
            #description,
            #version,
            &[#(#tags),*],
            #source_hash,
            ::core::file!(),
            ::core::line!(),
        )#log_prints #owner #built
    }
}

fn policy(attempts: &Attempts, retries: Option<u32>, of_task: Option<&TaskOptions>) -> TokenStream {
    let retries = retries.or(attempts.retries.as_ref().map(|retries| retries.value));
    let retries = option(retries.map(|retries| quote!(#retries)));
    let retry_delay = option(attempts.retry_delay.as_ref().map(|delays| {
        let delays = delays.value.iter().map(|delay| duration(*delay));
        quote!(::std::borrow::Cow::Borrowed(&[#(#delays),*]))
    }));
    let backoff = option(attempts.backoff.as_ref().map(|backoff| {
        let name = Ident::new(&format!("{:?}", backoff.value), Span::call_site());
        quote!(::flowkit::__private::Backoff::#name)
    }));
    let max_retry_delay = option(attempts.max_retry_delay.as_ref().map(|max| duration(max.value)));
    let jitter = option(attempts.jitter.as_ref().map(|jitter| {
        let jitter = jitter.value;
        quote!(#jitter)
    }));
    let timeout = option(attempts.timeout.as_ref().map(|timeout| duration(timeout.value)));
    let critical = option(attempts.critical.as_ref().map(|critical| {
        let critical = critical.value;
        quote!(#critical)
    }));
    let trigger = option(of_task.and_then(|options| options.trigger.as_ref()).map(|trigger| {
        let name = Ident::new(&format!("{:?}", trigger.value), Span::call_site());
        quote!(::flowkit::__private::Trigger::#name)
    }));
    let cache_ttl = of_task.and_then(|options| options.cache_ttl.as_ref());
    let cache_ttl = option(cache_ttl.map(|ttl| duration(ttl.value)));
    let priority = option(of_task.and_then(|options| options.priority.as_ref()).map(|priority| {
        let priority = priority.value;
        quote!(#priority)
    }));
    quote! {
        ::flowkit::__private::TaskPolicy {
            retries: #retries,
            retry_delay: #retry_delay,
            backoff: #backoff,
            max_retry_delay: #max_retry_delay,
            jitter: #jitter,
            timeout: #timeout,
            retry_panics: ::core::option::Option::None,
            trigger: #trigger,
            cache_ttl: #cache_ttl,
            critical: #critical,
            priority: #priority,
        }
    }
}

fn hooks(hooks: &options::Hooks) -> TokenStream {
    let list = |hooks: &Option<Spanned<Vec<Expr>>>| {
        let hooks = hooks.iter().flat_map(|hooks| &hooks.value).map(hook);
        quote!(&[#(#hooks),*])
    };
    let (running, success, failure) =
        (list(&hooks.on_running), list(&hooks.on_success), list(&hooks.on_failure));
    let (retry, cancel) = (list(&hooks.on_retry), list(&hooks.on_cancel));
    quote! {
        ::flowkit::__private::Hooks {
            on_running: #running,
            on_success: #success,
            on_failure: #failure,
            on_retry: #retry,
            on_cancel: #cancel,
        }
    }
}

/// A hook as the library's type. Only for a closure it must be known beforehand whether it is async: the compiler would not infer
/// the type of its parameter.
fn hook(hook: &Expr) -> TokenStream {
    let span = SpanRange::of(hook).start;
    match hook {
        Expr::Closure(closure) if closure.asyncness.is_some() || ends_in_async(&closure.body) => {
            quote_spanned!(span=> &::flowkit::__private::async_hook(#hook))
        }
        Expr::Closure(_) => quote_spanned!(span=> &::flowkit::__private::hook(#hook)),
        _ => quote_spanned!(span=> &::flowkit::__private::named_hook(#hook)),
    }
}

/// Whether the value of an expression is that of an `async` block.
fn ends_in_async(value: &Expr) -> bool {
    match value {
        Expr::Async(_) => true,
        Expr::Group(group) => ends_in_async(&group.expr),
        Expr::Paren(paren) => ends_in_async(&paren.expr),
        Expr::Block(block) => {
            matches!(block.block.stmts.last(), Some(Stmt::Expr(value, None)) if ends_in_async(value))
        }
        _ => false,
    }
}

fn option(value: Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
    }
}

fn duration(duration: Duration) -> TokenStream {
    // The parser refuses durations that do not fit.
    let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
    quote!(::core::time::Duration::from_nanos(#nanos))
}

/// The text of doc comments.
pub(super) fn doc_text(docs: &[Attribute]) -> String {
    let lines = docs.iter().filter_map(|doc| match &doc.meta {
        Meta::NameValue(meta) => match &meta.value {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Str(text) => Some(text.value().trim().to_owned()),
                _ => None,
            },
            _ => None,
        },
        _ => None,
    });
    lines.collect::<Vec<_>>().join("\n").trim().to_owned()
}

/// Hashes the tokens: the hash changes with the code, but not with its layout or its comments.
///
/// FNV-1a, which is the same on every machine and with every compiler.
fn hash(source: &TokenStream) -> u64 {
    fn feed(hash: &mut u64, bytes: &[u8]) {
        for byte in bytes.iter().chain([&0]) {
            *hash = (*hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    fn walk(hash: &mut u64, tokens: TokenStream) {
        for token in tokens {
            match token {
                TokenTree::Group(group) => {
                    feed(hash, format!("{:?}", group.delimiter()).as_bytes());
                    walk(hash, group.stream());
                    feed(hash, b"end");
                }
                other => feed(hash, other.to_string().as_bytes()),
            }
        }
    }
    let mut hash = 0xcbf2_9ce4_8422_2325;
    walk(&mut hash, source.clone());
    hash
}
