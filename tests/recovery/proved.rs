//! Results that cannot be persisted, or would be read back as other values: they are recomputed, and never treated as persisted.
//! A task whose result must be persisted fails at once.

use std::sync::atomic::{AtomicU32, Ordering};

use flowkit::model::TaskRunId;
use flowkit::prelude::*;
use flowkit::store::{History, MemoryStore, TaskRunFilter};
use flowkit::{FlowRunId, Runtime, State};
use serde::{Deserialize, Serialize};

use crate::kit::Folder;

/// Continues in another process: what this one knows is gone.
fn process(folder: &Folder) -> Runtime {
    Runtime::builder().store(folder.open()).build()
}

/// Returns why results of a task of a run are not persisted.
fn not_persisted(folder: &Folder, run: FlowRunId, task: &str) -> Vec<Option<String>> {
    let rows = folder.open().task_runs(run, &TaskRunFilter::default(), TaskRunId::FLOW, usize::MAX).unwrap();
    rows.into_iter().filter(|row| row.task == task).map(|row| row.not_persisted).collect()
}

#[tokio::test]
async fn what_may_run_at_most_once_fails_at_once_if_its_result_cannot_be_persisted_and_never_runs_again_by_itself()
 {
    static PAID: AtomicU32 = AtomicU32::new(0);
    static BOOKED: AtomicU32 = AtomicU32::new(0);

    #[task(at_most_once)]
    async fn pay() -> f64 {
        PAID.fetch_add(1, Ordering::SeqCst);
        f64::INFINITY
    }
    #[task]
    async fn book(price: f64) {
        BOOKED.fetch_add(u32::from(price > 0.0), Ordering::SeqCst);
    }
    #[flow(retries = 2)]
    async fn shop() -> Result<()> {
        let price = pay().submit();
        book::of(&price).await?;
        Ok(())
    }

    let stores: [Box<dyn Fn() -> Runtime>; 2] = {
        let memory = Runtime::builder().store(MemoryStore::new()).build();
        let folder = Folder::new();
        [Box::new(move || memory.clone()), Box::new(move || process(&folder))]
    };
    for process in stores {
        let run = shop().on(&process()).run().await;
        assert_eq!(PAID.swap(0, Ordering::SeqCst), 1, "no retry of the flow pays again");
        let failed = &run.task_runs_of("pay")[0];
        let why = failed.error.as_deref().unwrap().to_string();
        assert_eq!(failed.state, State::Failed);
        assert!(why.contains("infinite") && why.contains(r#".rerun_from("pay")"#), "{why}");
        assert!(failed.not_persisted.as_deref().unwrap().contains("infinite"));

        let id = run.id().unwrap();
        let resumed = shop::resume(id).on(&process()).run().await;
        let why = resumed.task_runs_of("pay")[0].error.as_deref().unwrap().to_string();
        assert!(resumed.result().is_err() && why.contains("infinite"), "{why}");
        assert!(shop::resume(id).retry_failed().on(&process()).await.is_err());
        assert_eq!(PAID.load(Ordering::SeqCst), 0, "what it did is done");
        assert!(shop::resume(id).rerun_from("pay").on(&process()).await.is_err());
        assert!(PAID.swap(0, Ordering::SeqCst) > 0, "somebody has asked for it");
        assert_eq!(BOOKED.load(Ordering::SeqCst), 0, "nobody relied on it");
    }
}

#[tokio::test]
async fn what_must_be_persisted_fails_and_the_same_without_a_store_does_not() {
    #[task(persist = "always")]
    async fn measured() -> f32 {
        f32::NAN
    }
    #[flow]
    async fn measures() -> Result<f32> {
        Ok(measured().await?)
    }
    #[flow]
    async fn draws() -> Result<f64> {
        Ok(flowkit::once("draw", || f64::NEG_INFINITY).await?)
    }

    let folder = Folder::new();
    let failed = [
        measures().on(&process(&folder)).await.unwrap_err().to_string(),
        draws().on(&process(&folder)).await.unwrap_err().to_string(),
    ];
    for error in failed {
        assert!(error.contains("has to be persisted") || error.contains("failed"), "{error}");
    }
    let memory = Runtime::builder().build();
    assert!(measures().on(&memory).await.unwrap().is_nan());
    assert!(draws().on(&memory).await.unwrap().is_infinite());
}

#[tokio::test]
async fn any_other_result_that_cannot_be_persisted_is_used_and_made_again_by_a_resumed_run() {
    static RATED: AtomicU32 = AtomicU32::new(0);
    static READ: AtomicU32 = AtomicU32::new(0);
    static IS_READY: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn rate(of: u32) -> f64 {
        RATED.fetch_add(1, Ordering::SeqCst);
        f64::from(of) / 0.0
    }
    #[task]
    async fn read() -> u32 {
        READ.fetch_add(1, Ordering::SeqCst)
    }
    #[task]
    async fn report(rates: Vec<f64>) -> Result<usize, String> {
        if IS_READY.load(Ordering::SeqCst) == 1 { Ok(rates.len()) } else { Err("not ready".into()) }
    }
    #[flow]
    async fn rates() -> Result<usize> {
        read().await?;
        Ok(report::of(rate::map(1..3)).await?)
    }

    let folder = Folder::new();
    let id = rates().on(&process(&folder)).run().await.id().unwrap();
    for reason in not_persisted(&folder, id, "rate") {
        assert!(reason.unwrap().contains("infinite"));
    }
    IS_READY.store(1, Ordering::SeqCst);
    assert_eq!(rates::resume(id).on(&process(&folder)).await.unwrap(), 2);
    assert_eq!((RATED.load(Ordering::SeqCst), READ.load(Ordering::SeqCst)), (4, 1));
}

#[tokio::test]
async fn a_cached_result_that_cannot_be_persisted_is_shared_with_nobody() {
    static RATED: AtomicU32 = AtomicU32::new(0);

    #[task(cache = "inputs")]
    async fn rate() -> f64 {
        RATED.fetch_add(1, Ordering::SeqCst);
        f64::NAN
    }
    #[flow]
    async fn rates() -> Result<bool> {
        Ok(rate().await?.is_nan() && rate().await?.is_nan())
    }

    let folder = Folder::new();
    let run = rates().on(&process(&folder)).run().await;
    assert!(run.result().as_ref().unwrap());
    assert_eq!(RATED.load(Ordering::SeqCst), 2, "a resumed run would find neither");
    assert!(rates::resume(run.id().unwrap()).on(&process(&folder)).await.unwrap());
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Table {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rows: Vec<u32>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
enum Number {
    Float(f64),
    Int(i64),
}

#[tokio::test]
async fn a_value_that_would_not_be_read_back_is_made_again_and_no_resumed_run_fails_for_it() {
    static READ: AtomicU32 = AtomicU32::new(0);
    static COUNTED: AtomicU32 = AtomicU32::new(0);
    static TRIES: AtomicU32 = AtomicU32::new(0);

    #[task]
    async fn read(rows: u32) -> Table {
        READ.fetch_add(1, Ordering::SeqCst);
        Table { rows: (0..rows).collect() }
    }
    #[task]
    async fn count(of: i64) -> Number {
        COUNTED.fetch_add(1, Ordering::SeqCst);
        if of == 0 { Number::Float(0.0) } else { Number::Int(of) }
    }
    #[flow]
    async fn counts() -> Result<(Table, Table, Number, Number)> {
        let values = (read(2).await?, read(0).await?, count(0).await?, count(7).await?);
        if TRIES.fetch_add(1, Ordering::SeqCst) == 0 { Err("the network is gone".into()) } else { Ok(values) }
    }

    let folder = Folder::new();
    let id = counts().on(&process(&folder)).run().await.id().unwrap();
    let reasons = not_persisted(&folder, id, "read");
    assert!(
        reasons[0].is_none() && reasons[1].as_ref().unwrap().contains("missing field `rows`"),
        "{reasons:?}"
    );
    let reasons = not_persisted(&folder, id, "count");
    assert!(reasons[0].is_none() && reasons[1].as_ref().unwrap().contains("another value"), "{reasons:?}");
    let values = counts::resume(id).on(&process(&folder)).await.unwrap();
    assert_eq!(values.0.rows.len() + values.1.rows.len(), 2);
    assert_eq!((values.2, values.3), (Number::Float(0.0), Number::Int(7)));
    assert_eq!((READ.load(Ordering::SeqCst), COUNTED.load(Ordering::SeqCst)), (3, 3), "the others are kept");
}

static SEEN: AtomicU32 = AtomicU32::new(0);

/// Two versions of a program, the second of which takes other values of a type with the same shape.
macro_rules! version {
    ($refuses:expr, $($once:ident)?) => {{
        fn checked<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
            let read = u8::deserialize(deserializer)?;
            if $refuses && read == 7 { Err(serde::de::Error::custom("seven is not allowed")) } else { Ok(read) }
        }
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        struct Amount {
            #[serde(deserialize_with = "checked")]
            amount: u8,
        }
        #[task($($once)?)]
        async fn read() -> Amount {
            SEEN.fetch_add(1, Ordering::SeqCst);
            Amount { amount: 7 }
        }
        #[flow]
        async fn reads(is_ready: bool) -> Result<u8> {
            let read = read().await?;
            if is_ready { Ok(read.amount) } else { Err("not ready".into()) }
        }
        reads
    }};
}

#[tokio::test]
async fn a_result_that_an_unchanged_type_does_not_read_is_lost_and_made_again_but_not_where_that_must_not_be()
{
    let folder = Folder::new();
    let id = {
        let reads = version!(false,);
        reads(false).on(&process(&folder)).run().await.id().unwrap()
    };
    let reads = version!(true,);
    let refused = reads(true).resuming(id).on(&process(&folder)).run().await;
    assert_eq!(refused.result().as_ref().ok(), Some(&7), "{refused:?}");
    assert_eq!(SEEN.swap(0, Ordering::SeqCst), 2);
    assert!(not_persisted(&folder, id, "read")[0].as_ref().unwrap().contains("seven"));

    let id = {
        let reads = version!(false, at_most_once);
        reads(false).on(&process(&folder)).run().await.id().unwrap()
    };
    let reads = version!(true, at_most_once);
    let refused = reads(true).resuming(id).on(&process(&folder)).run().await;
    let error = refused.task_runs_of("read")[0].error.as_deref().map(ToString::to_string);
    let error = error.unwrap_or_else(|| format!("{:?}", refused.result()));
    assert!(error.contains("at most once") && error.contains("seven is not allowed"), "{error}");
    assert_eq!(SEEN.load(Ordering::SeqCst), 1);
}
