//! Data sets and models: values that say where a file is and what is in it, and who made and used it.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use flowkit::artifact::ArtifactError;
use flowkit::model::{ArtifactKind, TaskRunId};
use flowkit::prelude::*;
use flowkit::store::{MemoryStore, SqliteStore};
use flowkit::{Dataset, Model, Output, Runtime};

use crate::kit::Folder;

#[task]
async fn extract(path: PathBuf) -> Result<Dataset> {
    fs::write(&path, "1\n2\n3\n")?;
    Ok(Dataset::at(&path)?.with("rows", 3).register("raw"))
}

#[task]
async fn train(data: Dataset, path: PathBuf) -> Result<Model> {
    let rows = fs::read_to_string(data.input()?)?.lines().count();
    fs::write(&path, format!("a model of {rows} rows"))?;
    Ok(Model::at(&path)?.with("rows", rows).register("model"))
}

#[task]
async fn evaluate(data: Dataset, model: Model) -> Result<usize> {
    let (data, model) = (fs::read_to_string(data.input()?)?, fs::read_to_string(model.input()?)?);
    Ok(data.len() + model.len())
}

#[flow]
async fn pipeline(folder: PathBuf) -> Result<(Dataset, Model)> {
    let data = extract::submit(folder.join("raw.txt"));
    let model = train::submit(&data, folder.join("model.txt"));
    evaluate::of(&data, &model).await?;
    Ok((data.await?, model.await?))
}

#[flow]
async fn serve(model: Model) -> Result<usize> {
    Ok(fs::read_to_string(model.input()?)?.len())
}

#[tokio::test]
async fn a_file_knows_which_task_made_it_and_which_used_it_in_all_runs() {
    let folder = tempfile::tempdir().unwrap();
    let on_disk = SqliteStore::open(folder.path().join("runs.db")).unwrap();
    for runtime in
        [Runtime::builder().store(MemoryStore::new()).build(), Runtime::builder().store(on_disk).build()]
    {
        let run = pipeline(folder.path().to_owned()).on(&runtime).run().await;
        let (data, model) = run.result().as_ref().unwrap();
        let served = serve(model.clone()).on(&runtime).run().await;
        let (trained, served) = (run.id().unwrap(), served.id().unwrap());
        let [extract, train, evaluate] = [1, 2, 3].map(TaskRunId::new);
        let store = runtime.store().unwrap();
        let of_data = store.lineage(data.hash()).unwrap();
        assert_eq!(of_data.made_by, [(trained, extract)]);
        assert_eq!(of_data.used_by, [(trained, train), (trained, evaluate)]);
        let of_model = store.lineage(model.hash()).unwrap();
        assert_eq!(of_model.made_by, [(trained, train)]);
        assert_eq!(of_model.used_by, [(trained, evaluate), (served, TaskRunId::FLOW)]);

        let artifacts = run.artifacts().unwrap();
        let kinds: Vec<_> = artifacts.iter().map(|made| (made.key.as_str(), made.kind)).collect();
        assert_eq!(kinds, [("raw", ArtifactKind::Dataset), ("model", ArtifactKind::Model)]);
        assert_eq!(artifacts[1].describes, Some(model.hash()));
        let described: Model = serde_json::from_slice(&run.artifact("model").unwrap().unwrap()).unwrap();
        assert_eq!(&described, model);
        assert_eq!((model.metadata("rows"), model.metadata("columns")), (Some("3"), None));
        assert_eq!((data.bytes(), data.path().is_absolute()), (6, true));
    }
}

#[tokio::test]
async fn a_file_that_was_changed_since_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    fs::write(&path, "one").unwrap();
    let data = Dataset::at(&path).unwrap();
    assert_eq!(data.input().unwrap(), path);
    fs::write(&path, "two").unwrap();
    let error = data.input().unwrap_err();
    assert!(matches!(error, ArtifactError::Changed { .. }), "{error:?}");
    assert!(error.to_string().contains("run the task again that makes it"), "{error}");
    fs::remove_file(&path).unwrap();
    assert!(matches!(data.input(), Err(ArtifactError::Unreadable { .. })));
    assert!(matches!(Dataset::at(&path), Err(ArtifactError::Unreadable { .. })));
}

#[tokio::test]
async fn a_cached_task_runs_again_when_the_file_has_other_content_under_the_same_name() {
    static COUNTED: AtomicU32 = AtomicU32::new(0);
    #[task(cache = "inputs")]
    async fn count(data: Dataset) -> Result<usize> {
        COUNTED.fetch_add(1, Ordering::SeqCst);
        Ok(fs::read_to_string(data.input()?)?.len())
    }
    #[flow]
    async fn counts(path: PathBuf) -> Result<usize> {
        Ok(count(Dataset::at(path)?).await?)
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data");
    let runtime = Runtime::builder().store(MemoryStore::new()).build();
    for (content, runs) in [("a", 1), ("a", 1), ("bc", 2)] {
        fs::write(&path, content).unwrap();
        assert_eq!(counts(path.clone()).on(&runtime).await.unwrap(), content.len());
        assert_eq!(COUNTED.load(Ordering::SeqCst), runs);
    }
}

#[tokio::test]
async fn a_tracked_file_is_kept_as_a_result_and_found_again_when_the_run_goes_on() {
    static MADE: AtomicU32 = AtomicU32::new(0);
    #[task]
    async fn make(path: PathBuf) -> Result<Dataset> {
        MADE.fetch_add(1, Ordering::SeqCst);
        fs::write(&path, "rows")?;
        Ok(Dataset::at(&path)?.register("raw"))
    }
    #[task]
    async fn load(data: Dataset, allowed: PathBuf) -> Result<u64> {
        data.input()?;
        if allowed.exists() { Ok(data.bytes()) } else { Err("not allowed".into()) }
    }
    #[flow]
    async fn etl(folder: PathBuf) -> Result<u64> {
        let data = make(folder.join("raw")).await?;
        Ok(load(data, folder.join("allowed")).await?)
    }
    let folder = tempfile::tempdir().unwrap();
    let runtime = Runtime::builder().store(MemoryStore::new()).build();
    let id = etl(folder.path().to_owned()).on(&runtime).run().await.id().unwrap();
    fs::write(folder.path().join("allowed"), "").unwrap();
    assert_eq!(etl::resume(id).on(&runtime).await.unwrap(), 4);
    assert_eq!(MADE.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_cached_model_is_trained_again_if_its_file_is_gone_or_has_changed() {
    static TRAINED: AtomicU32 = AtomicU32::new(0);

    #[derive(Clone, serde::Serialize, serde::Deserialize)]
    struct Trained {
        models: Vec<Model>,
    }
    #[task(cache = "inputs")]
    fn train(path: PathBuf) -> Result<Trained> {
        TRAINED.fetch_add(1, Ordering::SeqCst);
        let mut file = Output::atomic(path)?;
        file.write_all(b"weights")?;
        Ok(Trained { models: vec![Model::at(file.commit()?)?] })
    }
    #[task]
    fn serve(trained: Trained) -> Result<usize> {
        Ok(fs::read(trained.models[0].input()?)?.len())
    }
    #[flow]
    async fn serving(path: PathBuf) -> Result<usize> {
        let trained = train(path).submit();
        Ok(serve::of(trained).await?)
    }

    let folder = Folder::new();
    let path = folder.path().join("model.bin");
    let process = || Runtime::builder().store(folder.open()).build();
    let first = process();
    for expected in [1, 1] {
        assert_eq!(serving(path.clone()).on(&first).await.unwrap(), 7);
        assert_eq!(TRAINED.load(Ordering::SeqCst), expected);
    }
    fs::remove_file(&path).unwrap();
    assert_eq!(
        serving(path.clone()).on(&process()).await.unwrap(),
        7,
        "another process, by way of the store"
    );
    fs::write(&path, "WEIGHTS").unwrap();
    assert_eq!(serving(path.clone()).on(&first).await.unwrap(), 7, "this process, which remembers");
    assert_eq!(TRAINED.load(Ordering::SeqCst), 3);
    let run = serving(path.clone()).on(&process()).run().await;
    assert_eq!(run.task_runs_of("train")[0].state, flowkit::State::Cached);
    fs::remove_file(&path).unwrap();
    let again = serving::resume(run.id().unwrap()).rerun_from("train").on(&process()).await.unwrap();
    assert_eq!((again, TRAINED.load(Ordering::SeqCst)), (7, 4));
}
