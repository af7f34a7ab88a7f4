//! Artifacts and metrics: recorded with the task run that made them, with a store and without.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use flowkit::artifact::{self, ArtifactError};
use flowkit::model::{ArtifactKind, TaskRunId};
use flowkit::prelude::*;
use flowkit::store::{MemoryStore, SqliteStore};
use flowkit::{Metrics, Runtime, metric, metric_at};
use serde::Serialize;
use tempfile::TempDir;
use tokio::sync::oneshot;

use crate::logged::listen;

#[derive(Clone, Serialize)]
struct Row {
    name: &'static str,
    rows: u32,
}

#[task]
async fn report(part: u32) -> Result<u32> {
    artifact::markdown("summary", format!("# Part {part}"));
    artifact::table("rows", [Row { name: "a", rows: part }, Row { name: "b", rows: 2 }])?;
    metric("rows", part + 2);
    Ok(part)
}

#[task]
fn draw() -> usize {
    artifact::image("plot", *b"\x89PNG\r\n\x1a\n");
    for epoch in 0..3 {
        metric_at("loss", epoch, 1.0 / (epoch as f64 + 1.0));
    }
    metric("loss at the end", f64::NAN);
    3
}

#[flow]
async fn nightly() -> Result<u32> {
    let part = report(1).await?;
    draw::submit().await?;
    artifact::link("source", "https://example.com/data");
    artifact::markdown("summary", "# All");
    Ok(part)
}

fn on_disk(folder: &TempDir) -> Runtime {
    Runtime::builder().store(SqliteStore::open(folder.path().join("runs.db")).unwrap()).build()
}

#[tokio::test]
async fn artifacts_and_metrics_belong_to_the_task_run_that_made_them_with_any_store_and_without() {
    let folder = tempfile::tempdir().unwrap();
    let in_memory = Runtime::builder().store(MemoryStore::new()).build();
    for runtime in [Runtime::builder().build(), in_memory, on_disk(&folder)] {
        let run = nightly().on(&runtime).run().await;
        let artifacts = run.artifacts().unwrap();
        let made: Vec<_> = artifacts
            .iter()
            .map(|made| (made.task_run.get(), made.key.as_str(), made.version, made.media_type.as_str()))
            .collect();
        let expected = [
            (1, "summary", 1, "text/markdown"),
            (1, "rows", 1, "application/json"),
            (2, "plot", 1, "image/png"),
            (0, "source", 1, "text/uri-list"),
            (0, "summary", 2, "text/markdown"),
        ];
        assert_eq!(made, expected, "{runtime:?}");
        let kinds: Vec<_> = artifacts.iter().map(|made| made.kind).collect();
        use ArtifactKind::{Image, Link, Markdown, Table};
        assert_eq!(kinds, [Markdown, Table, Image, Link, Markdown]);
        let content = |key| String::from_utf8_lossy(&run.artifact(key).unwrap().unwrap()).into_owned();
        assert_eq!(content("summary"), "# All", "the last version");
        assert_eq!(content("rows"), r#"[{"name":"a","rows":1},{"name":"b","rows":2}]"#);
        assert_eq!(run.artifact("nothing").unwrap(), None);

        let metrics = run.metrics().unwrap();
        let measured: Vec<_> = metrics
            .iter()
            .map(|metric| (metric.task_run.get(), metric.name.as_str(), metric.step, metric.value))
            .collect();
        let series = [(2, "loss", Some(0), 1.0), (2, "loss", Some(1), 0.5), (2, "loss", Some(2), 1.0 / 3.0)];
        assert_eq!(measured[0], (1, "rows", None, 3.0));
        assert_eq!(measured[1..4], series);
        assert!(measured[4].3.is_nan());
        assert_eq!(metrics.len(), 5);
    }
}

#[tokio::test]
async fn what_every_attempt_made_is_there_and_the_last_one_stands() {
    #[task(retries = 1)]
    async fn second_time_lucky() -> Result<u32, String> {
        artifact::markdown("attempt", ctx().attempt().to_string());
        if ctx().attempt() == 1 { Err("not yet".into()) } else { Ok(7) }
    }
    #[flow]
    async fn lucky() -> Result<u32> {
        Ok(second_time_lucky().await?)
    }
    let run = lucky().run().await;
    let versions: Vec<_> = run.artifacts().unwrap().iter().map(|made| made.version).collect();
    assert_eq!(versions, [1, 2]);
    assert_eq!(run.artifact("attempt").unwrap().unwrap(), b"2");
}

#[tokio::test]
async fn what_finished_tasks_made_is_still_there_when_the_run_goes_on() {
    static BROKEN: AtomicBool = AtomicBool::new(true);
    #[task]
    async fn train() -> f64 {
        artifact::markdown("model card", "a forest");
        metric("accuracy", 0.93);
        0.93
    }
    #[task]
    async fn publish(accuracy: f64) -> Result<f64, String> {
        artifact::markdown("note", "trying");
        if BROKEN.load(Ordering::SeqCst) { Err("the registry is closed".into()) } else { Ok(accuracy) }
    }
    #[flow]
    async fn pipeline() -> Result<f64> {
        Ok(publish(train().await?).await?)
    }
    let folder = tempfile::tempdir().unwrap();
    let id = pipeline().on(&on_disk(&folder)).run().await.id().unwrap();
    BROKEN.store(false, Ordering::SeqCst);
    let run = pipeline::resume(id).on(&on_disk(&folder)).run().await;
    assert_eq!(run.result().as_ref().unwrap(), &0.93);
    let made: Vec<_> =
        run.artifacts().unwrap().into_iter().map(|made| (made.task_run, made.key, made.version)).collect();
    let [train, publish] = [1, 2].map(TaskRunId::new);
    let expected = [(train, "model card", 1), (publish, "note", 1), (publish, "note", 2)];
    assert_eq!(made, expected.map(|(who, key, version)| (who, key.to_owned(), version)));
    let metrics = run.metrics().unwrap();
    assert_eq!(metrics.len(), 1, "a task that is not run again measures nothing again");
    assert_eq!((metrics[0].task_run, metrics[0].value), (train, 0.93));
}

#[tokio::test]
async fn a_large_artifact_does_not_make_the_database_large() {
    #[task]
    async fn film() -> u32 {
        artifact::image("film", vec![7; 8 << 20]);
        1
    }
    #[flow]
    async fn shoot() -> Result<u32> {
        Ok(film().await?)
    }
    let folder = tempfile::tempdir().unwrap();
    let id = {
        let run = shoot().on(&on_disk(&folder)).run().await;
        assert_eq!(run.artifacts().unwrap()[0].bytes, 8 << 20);
        run.id().unwrap()
    };
    let database = std::fs::metadata(folder.path().join("runs.db")).unwrap().len();
    assert!(database < 1 << 20, "{database} bytes");
    let runtime = on_disk(&folder);
    let content = runtime.store().unwrap().artifact(id, 1).unwrap().unwrap();
    assert!(content == vec![7; 8 << 20]);
}

#[tokio::test]
async fn numbers_that_belong_together_are_a_value_and_metrics() {
    #[task]
    async fn evaluate() -> Metrics {
        let mut metrics = Metrics::new();
        metrics.log("accuracy", 0.5_f32);
        metrics.log("accuracy", 0.75);
        metrics.log("recall", 1);
        metrics
    }
    #[task]
    async fn is_good(metrics: Metrics) -> bool {
        metrics.get("accuracy").is_some_and(|accuracy| accuracy > 0.7)
    }
    #[flow]
    async fn judge() -> Result<bool> {
        let metrics = evaluate::submit();
        Ok(is_good::of(&metrics).await?)
    }
    let folder = tempfile::tempdir().unwrap();
    let run = judge().on(&on_disk(&folder)).run().await;
    assert!(run.result().as_ref().unwrap());
    let measured: Vec<_> =
        run.metrics().unwrap().into_iter().map(|metric| (metric.name, metric.value)).collect();
    assert_eq!(measured, [("accuracy".into(), 0.5), ("accuracy".into(), 0.75), ("recall".into(), 1.0)]);
    let metrics = Metrics::new();
    assert_eq!((metrics.get("accuracy"), metrics.iter().count()), (None, 0));
}

/// What flowkit reports through `tracing`.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Told {
    fn on_event(&self, event: &tracing::Event<'_>, _: tracing_subscriber::layer::Context<'_, S>) {
        let metadata = event.metadata();
        self.0.lock().unwrap().push(format!("{} {}", metadata.target(), metadata.level()));
    }
}

#[tokio::test]
async fn what_is_said_outside_a_flow_is_kept_nowhere_which_is_told_once() {
    #[task]
    async fn alone() -> u32 {
        artifact::markdown("note", "lost");
        metric("lost", 1);
        1
    }
    let told = Told::default();
    let _logs = listen(told.clone());
    artifact::link("lost", "https://example.com");
    assert_eq!(alone().await.unwrap(), 1);
    // Another test may have a flow alive meanwhile, and then `alone` is warned of too.
    told.0.lock().unwrap().retain(|told| told.starts_with("flowkit::engine::context"));
    assert_eq!(*told.0.lock().unwrap(), ["flowkit::engine::context WARN"]);
    #[flow]
    async fn afterwards() -> Result<u32> {
        Ok(alone().await?)
    }
    assert_eq!(afterwards().run().await.artifacts().unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_said_after_the_end_of_the_run_is_not_kept() {
    type Late = Arc<Mutex<Option<tokio::task::JoinHandle<()>>>>;
    #[flow]
    async fn leaves(late: Late, after: Arc<Mutex<Option<oneshot::Receiver<()>>>>) -> Result<u32> {
        let after = after.lock().unwrap().take().unwrap();
        *late.lock().unwrap() = Some(flowkit::spawn(async move {
            after.await.unwrap();
            artifact::markdown("late", "");
        }));
        Ok(1)
    }
    for runtime in [Runtime::builder().build(), Runtime::builder().store(MemoryStore::new()).build()] {
        let (ended, after) = oneshot::channel();
        let late = Late::default();
        let run = leaves(Arc::clone(&late), Arc::new(Mutex::new(Some(after)))).on(&runtime).run().await;
        ended.send(()).unwrap();
        let spawned = late.lock().unwrap().take().unwrap();
        spawned.await.unwrap();
        assert_eq!(run.artifacts().unwrap(), []);
    }
}

#[tokio::test]
async fn a_copy_of_a_file_stays_what_it_was() {
    #[task]
    async fn copy(path: std::path::PathBuf) -> Result<u32> {
        std::fs::write(&path, "a,b\n")?;
        artifact::file("export", &path)?;
        std::fs::write(&path, "changed")?;
        Ok(1)
    }
    #[flow]
    async fn exports(path: std::path::PathBuf) -> Result<u32> {
        Ok(copy(path).await?)
    }
    let folder = tempfile::tempdir().unwrap();
    let run = exports(folder.path().join("rows.csv")).run().await;
    let made = &run.artifacts().unwrap()[0];
    assert_eq!((made.file_name.as_deref(), made.media_type.as_str()), (Some("rows.csv"), "text/csv"));
    assert_eq!(run.artifact("export").unwrap().unwrap(), b"a,b\n");
}

#[test]
fn what_cannot_be_kept_says_why_and_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let large = folder.path().join("large.bin");
    std::fs::File::create(&large).unwrap().set_len((64 << 20) + 1).unwrap();
    let error = artifact::file("large", &large).unwrap_err();
    assert!(matches!(error, ArtifactError::TooLarge { bytes: 67_108_865, .. }), "{error:?}");
    assert!(error.to_string().contains("register it as a `Dataset`"), "{error}");

    let error = artifact::file("none", folder.path().join("none")).unwrap_err();
    assert!(error.to_string().ends_with("none` cannot be read"), "{error}");
    assert!(std::error::Error::source(&error).unwrap().to_string().contains("No such file"));

    let error = artifact::table("odd", [BTreeMap::from([(vec![1], 2)])]).unwrap_err();
    assert_eq!(error.to_string(), "the rows of the table `odd` cannot be written as JSON");
}
