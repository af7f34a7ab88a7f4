//! Which results have a codec, for each kind of type.

mod arguments;
mod proof;

use std::borrow::Cow;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::engine::body::Body;
use crate::model::Codec;
use crate::policy::durability::Durability;
use crate::prelude::{flow, task};
use crate::task::call::Call;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    name: String,
    size: f64,
}

#[derive(Clone)]
struct Opaque;

/// Can be written, and never read.
#[derive(Clone, Serialize)]
struct WriteOnly(&'static str);

mod alias {
    pub(super) type Result<T> = std::result::Result<T, crate::BoxError>;
}

#[task]
async fn row() -> Row {
    Row { name: "a".to_owned(), size: 0.1 }
}

#[task]
async fn row_or_error() -> Result<Row, String> {
    Err("no row".to_owned())
}

#[task]
fn rows_by_alias() -> alias::Result<Vec<Row>> {
    Ok(Vec::new())
}

#[task]
async fn nothing() {}

#[task]
async fn opaque() -> Result<Opaque, String> {
    Ok(Opaque)
}

#[task]
async fn write_only() -> WriteOnly {
    WriteOnly("a")
}

#[task]
async fn text_for_ever() -> &'static str {
    "a"
}

type Name = &'static str;

#[task]
async fn name() -> Name {
    "a"
}

#[flow]
async fn of_a_name(name: Name) -> usize {
    name.len()
}

type Names = std::sync::Arc<Vec<(&'static str, u32)>>;

#[task]
async fn names() -> Result<Names, String> {
    Err("none".to_owned())
}

#[flow]
async fn of_names(names: Names) -> usize {
    names.len()
}

#[derive(Clone, Serialize, Deserialize)]
struct Labelled {
    label: &'static str,
}

#[task]
async fn labelled() -> Labelled {
    Labelled { label: "a" }
}

/// Leaves out what it wants to read.
#[derive(Debug, Serialize, Deserialize)]
struct Lopsided {
    #[serde(skip_serializing)]
    #[allow(dead_code, reason = "it is there to be missed")]
    hidden: u32,
}

#[task]
async fn lopsided() -> Lopsided {
    Lopsided { hidden: 1 }
}

#[task]
async fn texts_for_ever() -> Result<Vec<(&'static str, u32)>, &'static str> {
    Err("none")
}

#[task]
async fn error_for_ever() -> Result<u32, &'static str> {
    Err("none")
}

#[task]
async fn text_of_either_kind() -> Cow<'static, str> {
    "a".into()
}

#[task(persist = "never")]
async fn forgotten() -> u32 {
    1
}

#[task(persist = "always")]
async fn always() -> Result<Row, String> {
    Err("no row".to_owned())
}

#[task(at_most_once)]
async fn pay(amount: u32) -> u32 {
    amount
}

#[task(at_most_once = false, retries = 2)]
async fn pay_again(amount: u32) -> u32 {
    amount
}

#[task]
async fn generic<T: Display + Clone>(value: T) -> T {
    value
}

#[task]
async fn generic_beside<T: Display>(value: T) -> String {
    value.to_string()
}

#[task]
async fn generic_with_bounds<T: Serialize + for<'de> Deserialize<'de>>(value: T) -> Option<T> {
    Some(value)
}

#[flow]
async fn etl(urls: Vec<String>, mut top: u32, label: Option<String>) -> alias::Result<u32> {
    top += urls.len() as u32 + label.map_or(0, |label| label.len() as u32);
    Ok(top)
}

#[flow(persist = "never", durability = "relaxed")]
async fn forgetful(r#type: String, (a, b): (u8, u8)) -> usize {
    r#type.len() + usize::from(a + b)
}

#[flow]
async fn no_arguments() {}

#[flow]
async fn of_something_opaque(number: u32, opaque: Opaque) -> u32 {
    let Opaque = opaque;
    number
}

#[flow]
async fn of_what_is_only_written(text: WriteOnly) -> u32 {
    text.0.len() as u32
}

#[flow]
async fn of_any<T: Display + Clone>(value: T) -> String {
    value.to_string()
}

#[flow]
async fn of_any_that_is_kept<T: Clone + Serialize + for<'de> Deserialize<'de>>(value: T) -> u32 {
    let _ = value;
    1
}

fn codec<T, E, B: Body<Output = T, Error = E>>(_: Call<'_, T, E, B>) -> Option<Codec<T>> {
    B::codec()
}

#[test]
fn what_can_be_written_and_read_is_kept() {
    assert!(codec(row()).is_some());
    assert!(codec(row_or_error()).is_some());
    assert!(codec(rows_by_alias()).is_some());
    assert!(codec(nothing()).is_some());
    assert!(codec(error_for_ever()).is_some());
    assert!(codec(text_of_either_kind()).is_some());
    assert!(codec(always()).is_some());
    assert!(codec(pay(1)).is_some());
    assert!(codec(etl(Vec::new(), 1, None)).is_some());
}

#[test]
fn what_cannot_be_read_again_or_shall_not_be_is_not_kept() {
    assert!(codec(opaque()).is_none());
    assert!(codec(write_only()).is_none());
    assert!(codec(text_for_ever()).is_none());
    assert!(codec(texts_for_ever()).is_none());
    assert!(codec(name()).is_none());
    assert!(codec(names()).is_none());
    assert!(codec(forgotten()).is_none());
    assert!(codec(forgetful(String::new(), (1, 2))).is_none());
}

#[test]
fn generic_code_keeps_what_its_bounds_say_that_it_can() {
    assert!(codec(generic(1)).is_none());
    assert!(codec(generic_beside(1)).is_some());
    assert!(codec(generic_with_bounds(1)).is_some());
}

#[test]
fn a_codec_reads_what_it_wrote() {
    let codec = codec(row_or_error()).unwrap();
    let value = Row { name: "ü\n".to_owned(), size: 0.1 + 0.2 };
    let bytes = codec.encode(&value, Some("2")).unwrap();
    assert_eq!((codec.decode)(&bytes, Some("2")).unwrap(), value);
    assert!((codec.decode)(b"[]", Some("2")).is_err());
    let other = (codec.decode)(&bytes, Some("3")).unwrap_err().to_string();
    assert!(other.contains("version"), "{other}");
    assert!(codec.encode(&Row { name: String::new(), size: f64::NAN }, None).is_err());
}

#[test]
fn what_cannot_be_read_again_is_found_out_when_it_is_written() {
    let error = codec(labelled()).unwrap().encode(&Labelled { label: "a" }, None).unwrap_err().to_string();
    assert!(error.contains("cannot be read") && error.contains("borrowed string"), "{error}");
    let codec = codec(lopsided()).unwrap();
    for _ in 0..2 {
        let value = Lopsided { hidden: 1 };
        let error = codec.encode(&value, None).unwrap_err().to_string();
        assert_eq!(value.hidden, 1);
        assert!(error.contains("missing field `hidden`"), "{error}");
    }
}

#[test]
fn a_type_whose_deserialize_panics_is_an_error_and_no_panic() {
    #[derive(Serialize)]
    struct Strange;

    impl<'de> Deserialize<'de> for Strange {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            panic!("strange")
        }
    }

    #[task]
    async fn strange() -> Strange {
        Strange
    }
    let codec = codec(strange()).unwrap();
    for _ in 0..2 {
        let error = codec.encode(&Strange, None).unwrap_err().to_string();
        assert!(error.starts_with("the `Deserialize` of `"), "{error}");
    }
}

#[test]
fn a_task_that_may_run_once_has_no_retries_also_where_the_flow_gives_some() {
    let (once, again) = (<_ as Described>::info(&pay(1)), <_ as Described>::info(&pay_again(1)));
    assert!(once.at_most_once && once.policy.retries == Some(0));
    assert!(!again.at_most_once && again.policy.retries == Some(2));
    let flow = <_ as Described>::info(&forgetful(String::new(), (0, 0))).flow.durability;
    assert_eq!(flow, Some(Durability::Relaxed));
    assert_eq!(<_ as Described>::info(&no_arguments()).flow.durability, None);
}

trait Described {
    fn info(&self) -> &'static crate::engine::body::TaskInfo;
}

impl<T, E, B: Body<Output = T, Error = E>> Described for Call<'_, T, E, B> {
    fn info(&self) -> &'static crate::engine::body::TaskInfo {
        B::info()
    }
}
