//! How a function is read, and the message for each refusal.

mod refusals;

use quote::ToTokens;

use super::*;

fn parse(kind: AttributeKind, source: &str) -> syn::Result<Function> {
    let mut errors = Errors::default();
    let function = Function::parse(source.parse().unwrap(), kind, &mut errors);
    errors.finish().map(|()| function.unwrap())
}

fn task(source: &str) -> syn::Result<Function> {
    parse(AttributeKind::Task, source)
}

fn text(tokens: impl ToTokens) -> String {
    tokens.to_token_stream().to_string()
}

#[test]
fn a_function_is_taken_apart() {
    let function = task(
        "/// Docs. \n #[deprecated = \"old\"] #[cfg(unix)] #[allow(dead_code)] #[inline] \
         pub(crate) async fn f<T: Clone, const N: usize>(\
             /// Pages \n #[allow(unused)] mut a: T, (b, c): (u8, u8), _: [u8; N],\
         ) -> io::Result<T> where T: Send { a }",
    )
    .unwrap();
    let Attrs { docs, deprecated, cfgs, lints, others } = &function.attrs;
    assert_eq!([docs, deprecated, cfgs, lints, others].map(Vec::len), [1; 5]);
    assert!(function.asyncness.is_some() && function.generics.where_clause.is_some());
    let idents: Vec<String> = function.params.iter().map(|param| param.ident.to_string()).collect();
    assert_eq!(idents, ["a", "__flowkit_arg1", "__flowkit_arg2"]);
    let first = &function.params[0];
    // Without the doc comment, which rustc would not take here.
    assert_eq!(first.attrs.iter().map(text).collect::<Vec<_>>(), ["# [allow (unused)]"]);
    assert_eq!(text(&first.pat), "mut a");
    assert!(function.output.is_result);
    let plain = task("fn f() {}").unwrap();
    assert_eq!(text(plain.output.ty), "()");
    assert!(!plain.output.is_result && plain.asyncness.is_none());
}

#[test]
fn elided_lifetimes_get_names() {
    let mut function = task(
        "fn f<'a, T>(a: &str, b: &'a [T], c: Cow<'_, str>, d: fn(&u8) -> &u8, \
         e: &dyn for<'z> Fn(&'z u8) -> &u8, f: &'static str, g: u8) {}",
    )
    .unwrap();
    let lifetimes = function.name_lifetimes();
    let lifetimes: Vec<String> = lifetimes.iter().map(ToString::to_string).collect();
    assert_eq!(lifetimes, ["'__flowkit_0", "'a", "'__flowkit_1", "'__flowkit_2"]);
    let types: Vec<String> = function.params.iter().map(|param| text(&param.ty)).collect();
    assert_eq!(
        types,
        [
            "& '__flowkit_0 str",
            "& 'a [T]",
            "Cow < '__flowkit_1 , str >",
            "fn (& u8) -> & u8",
            "& '__flowkit_2 dyn for < 'z > Fn (& 'z u8) -> & u8",
            "& 'static str",
            "u8",
        ]
    );
    assert_eq!(text(&function.generics), "< 'a , '__flowkit_0 , '__flowkit_1 , '__flowkit_2 , T >");
    let ParamKind::Borrowed { lifetime: Some(lifetime), elem } = &function.params[0].kind else {
        panic!("a reference is borrowed");
    };
    assert_eq!((lifetime.to_string().as_str(), text(elem).as_str()), ("'__flowkit_0", "str"));
    assert!(matches!(function.params[2].kind, ParamKind::Owned));
    let mut plain = task("fn f(a: &str) {}").unwrap();
    plain.name_lifetimes();
    assert_eq!(text(&plain.generics), "< '__flowkit_0 >");
}

#[test]
fn an_error_comes_with_a_function_that_the_compiler_accepts_in_any_use() {
    let error = syn::Error::new(proc_macro2::Span::call_site(), "no");
    let fallback = |item: &str| text(fallback(item.parse().unwrap(), &error));
    assert_eq!(
        fallback(
            "/// Docs. \n pub const fn f<T: Copy>(/// Pages \n #[param(default = 1)] (a, b): (T, u8)) -> &str { a }"
        ),
        "# [allow (non_camel_case_types , dead_code , unreachable_pub)] \
         pub type f = [() ; :: core :: compile_error ! { \"no\" }] ; \
         # [allow (unused , unreachable_pub)] \
         pub fn f < T : Copy > (_0 : (T , u8)) -> f { \
         fn body < T : Copy > ((a , b) : (T , u8)) -> f { a } loop { } }"
    );
    assert_eq!(fallback("fn f(&self, #[param] a: u8) {}"), "fn f (& self , a : u8) { }");
    assert_eq!(fallback("struct A ;"), "struct A ;");
}
