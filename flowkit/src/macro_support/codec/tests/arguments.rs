//! What becomes of arguments: written down, read back, and every mistake in them.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

use super::*;
use crate::engine::body::FlowBody;
use crate::model::FlowRunId;
use crate::value::not_persisted::all_not_persisted;

fn read<T, E, B: FlowBody + Body<Output = T, Error = E>>(
    _: Call<'static, T, E, B>,
    json: &str,
) -> Option<Result<B, String>> {
    Some(B::from_arguments(json)?.map_err(|error| error.to_string()))
}

fn etl_reads(json: &str) -> Result<String, String> {
    let read = read(etl(Vec::new(), 0, None), json).unwrap();
    read.map(|body| body.arguments().unwrap())
}

#[test]
fn arguments_are_an_object_in_the_order_of_the_signature() {
    let json = r#"{"urls":["a","\"b\""],"top":5,"label":null}"#;
    assert_eq!(etl(vec!["a".into(), "\"b\"".into()], 5, None).body.arguments().unwrap(), json);
    assert_eq!(etl_reads(json).unwrap(), json);
    let json = r#"{"type":"x","2":[1,2]}"#;
    let call = forgetful("x".into(), (1, 2));
    assert_eq!(call.body.arguments().unwrap(), json);
    assert_eq!(read(call, json).unwrap().unwrap().arguments().unwrap(), json);
    assert_eq!(no_arguments().body.arguments().unwrap(), "{}");
    assert!(read(no_arguments(), "{}").unwrap().is_ok());
}

#[test]
fn arguments_that_cannot_be_written_or_read_are_none() {
    assert_eq!(of_something_opaque(1, Opaque).body.arguments(), None);
    assert!(read(of_something_opaque(1, Opaque), r#"{"number":1}"#).is_none());
    assert_eq!(of_what_is_only_written(WriteOnly("a")).body.arguments().unwrap(), r#"{"text":"a"}"#);
    assert!(read(of_what_is_only_written(WriteOnly("a")), r#"{"text":"a"}"#).is_none());
    assert_eq!(of_a_name("a").body.arguments().unwrap(), r#"{"name":"a"}"#);
    assert!(read(of_a_name("a"), r#"{"name":"a"}"#).is_none());
    assert!(read(of_names(Names::default()), r#"{"names":[]}"#).is_none());
    assert_eq!(of_any(1).body.arguments(), None);
    assert!(read(of_any(1), r#"{"value":1}"#).is_none());
    assert_eq!(of_any_that_is_kept(1).body.arguments().unwrap(), r#"{"value":1}"#);
    assert!(read(of_any_that_is_kept(1), r#"{"value":1}"#).unwrap().is_ok());
}

#[tokio::test]
async fn a_handle_is_no_argument_that_can_be_written() {
    let number = forgotten().submit();
    let call = etl::of(Vec::new(), &number, None);
    assert_eq!(call.body.arguments(), None);
}

#[test]
fn in_the_place_of_an_argument_that_would_not_come_back_is_the_reason_and_it_has_to_be_given_again() {
    #[flow]
    async fn odd(map: BTreeMap<(u8, u8), u8>) -> usize {
        map.len()
    }
    assert_given_again(odd(BTreeMap::from([((1, 2), 3)])), "map", "a map in it has a key");

    #[flow]
    async fn lossy(number: f64) -> bool {
        number > 0.0
    }
    assert_given_again(lossy(f64::NAN), "number", "NaN or infinite");
    let whole = lossy(1.5).body.arguments().unwrap();
    assert!(all_not_persisted(&whole).is_empty());

    #[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
    struct Login {
        user: String,
        #[serde(skip_serializing, default)]
        password: String,
    }
    // With a default for what is left out, and nevertheless: it would be another one.
    #[flow]
    async fn login(#[param(default = Login::default())] account: Login) -> usize {
        account.user.len() + account.password.len()
    }
    let of = |password: &str| login(Login { user: "ida".into(), password: password.into() });
    assert_given_again(of("pass"), "account", "another value");
    assert_eq!(of("").body.arguments().unwrap(), r#"{"account":{"user":"ida"}}"#);

    #[flow]
    async fn enter(tokens: Vec<crate::Secret>) -> usize {
        tokens.len()
    }
    let tokens = vec![crate::Secret::new("a")];
    assert_eq!(enter(tokens).body.arguments().unwrap(), r#"{"tokens":["***"]}"#, "which is another story");
}

#[track_caller]
fn assert_given_again<T, E, B>(call: Call<'static, T, E, B>, argument: &str, why: &str)
where
    B: FlowBody + Body<Output = T, Error = E>,
{
    let written = call.body.arguments().unwrap();
    let left_out = all_not_persisted(&written);
    assert!(left_out.len() == 1 && left_out[0].0 == argument && left_out[0].1.contains(why), "{written}");
    let refused = read(call, &written).unwrap().err().unwrap();
    assert!(
        refused.contains(argument) && refused.contains("given again") && refused.contains(why),
        "{refused}"
    );
}

#[test]
fn each_argument_is_written_once() {
    static WRITTEN: AtomicU32 = AtomicU32::new(0);

    #[derive(Clone)]
    struct Counted;

    impl Serialize for Counted {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            WRITTEN.fetch_add(1, Ordering::Relaxed);
            serializer.serialize_unit()
        }
    }

    #[flow]
    async fn counting(first: Counted, second: Counted) -> u32 {
        let (Counted, Counted) = (first, second);
        1
    }
    assert_eq!(counting(Counted, Counted).body.arguments().unwrap(), r#"{"first":null,"second":null}"#);
    assert_eq!(WRITTEN.load(Ordering::Relaxed), 2);
}

#[test]
fn an_optional_argument_may_be_left_out_and_order_is_free() {
    let read = etl_reads(r#" { "top": 5, "urls": [] } "#).unwrap();
    assert_eq!(read, r#"{"urls":[],"top":5,"label":null}"#);
}

#[test]
fn a_large_number_is_read_as_it_is_written() {
    #[flow]
    async fn large(number: u128, exact: f64) -> bool {
        number as f64 > exact
    }
    let json = r#"{"number":340282366920938463463374607431768211455,"exact":0.1}"#;
    assert_eq!(read(large(0, 0.0), json).unwrap().unwrap().arguments().unwrap(), json);
}

#[test]
fn each_mistake_names_its_parameter_and_all_come_at_once() {
    let table = [
        (r#"{"urls":[],"top":"x"}"#, "parameter `top`: invalid type: string \"x\", expected u32"),
        (
            r#"{"urls":[1],"top":-1}"#,
            "parameter `urls`: invalid type: integer `1`, expected a string; \
                                      parameter `top`: invalid value: integer `-1`, expected u32",
        ),
        (r#"{"top":1}"#, "parameter `urls` is missing"),
        (
            r#"{"urls":[],"tpo":1}"#,
            "parameter `top` is missing; unknown parameter `tpo`; did you mean `top`?",
        ),
        (
            r#"{"urls":[],"top":1,"colour":1}"#,
            "unknown parameter `colour`; it takes `urls`, `top` and `label`",
        ),
        (r#"{"urls":[],"top":1,"top":2}"#, "parameter `top` is given twice"),
        ("[]", "the arguments are not a JSON object: line 1 column 0"),
        ("", "the arguments are not a JSON object: line 1 column 0"),
        (r#"{"urls":[],"top":1} 2"#, "the arguments are not a JSON object: line 1 column 21"),
    ];
    for (json, mistakes) in table {
        assert_eq!(etl_reads(json).unwrap_err(), mistakes, "{json}");
    }
    let none = read(no_arguments(), r#"{"a":1}"#).unwrap().err().unwrap();
    assert_eq!(none, "unknown parameter `a`; it takes none");
}

#[test]
fn a_flow_is_resumed_by_the_id_of_a_run() {
    let id = FlowRunId::new(uuid::Uuid::nil());
    let (resumed, line) = (etl::resume(id), line!());
    assert_eq!((resumed.run, resumed.options.location.line()), (id, line));
    let _ = of_any::resume::<String>(id);
}

#[test]
fn what_is_not_given_is_the_default() {
    #[flow]
    async fn defaults(
        #[param(default = 7)] top: u32,
        #[param(default = "a")] name: String,
        #[param(default = vec![1])] list: Vec<u8>,
    ) -> usize {
        top as usize + name.len() + list.len()
    }

    let reads = |json: &str| {
        let read = read(defaults(0, String::new(), Vec::new()), json).unwrap();
        read.map(|body| body.arguments().unwrap())
    };
    assert_eq!(reads("{}").unwrap(), r#"{"top":7,"name":"a","list":[1]}"#);
    assert_eq!(reads(r#"{"name":"b"}"#).unwrap(), r#"{"top":7,"name":"b","list":[1]}"#);
    assert!(reads(r#"{"nam":"b"}"#).unwrap_err().contains("did you mean `name`?"));
    assert!(reads("[]").unwrap_err().contains("not a JSON object"));
}
