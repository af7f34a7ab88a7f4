//! How users test their pipelines: the function as written, generics for what is injected, mocks, the paused clock.
//!
//! S97 to S99 are the three tests of the source text (its section "テスタビリティ"), in Rust.

use std::time::Duration;

use flowkit::prelude::*;
use tokio::time::Instant;

type Rows = Vec<Vec<Option<f64>>>;

/// Reads a table.
#[task(retries = 2, retry_delay = "1m")]
async fn load_data(source: String) -> Result<Rows, String> {
    Err(format!("there is no `{source}` here"))
}

/// Drops rows with gaps, and scales each column to the mean 0 and the deviation 1.
#[task]
fn preprocess(rows: &Rows) -> Vec<Vec<f64>> {
    let mut whole: Vec<Vec<f64>> = rows.iter().filter_map(|row| row.iter().copied().collect()).collect();
    let (count, columns) = (whole.len() as f64, whole.first().map_or(0, Vec::len));
    for column in 0..columns {
        let mean = whole.iter().map(|row| row[column]).sum::<f64>() / count;
        let variance = whole.iter().map(|row| (row[column] - mean).powi(2)).sum::<f64>() / count;
        for row in &mut whole {
            row[column] = (row[column] - mean) / variance.sqrt().max(f64::EPSILON);
        }
    }
    whole
}

/// What `train_model` is given: the source text passes a class.
trait Model: Clone + Send + Sync + 'static {
    fn fit(rows: &[Vec<f64>]) -> Self;
    fn predict(&self, row: &[f64]) -> f64;
}

/// Predicts the mean of the last column.
#[derive(Clone, Debug, PartialEq)]
struct Mean(f64);

impl Model for Mean {
    fn fit(rows: &[Vec<f64>]) -> Self {
        Self(rows.iter().filter_map(|row| row.last()).sum::<f64>() / rows.len() as f64)
    }

    fn predict(&self, _row: &[f64]) -> f64 {
        self.0
    }
}

/// Says what it was given; for tests.
#[derive(Clone, Debug, PartialEq)]
struct Spy {
    rows: usize,
}

impl Model for Spy {
    fn fit(rows: &[Vec<f64>]) -> Self {
        Self { rows: rows.len() }
    }

    fn predict(&self, _row: &[f64]) -> f64 {
        0.0
    }
}

#[task]
async fn train_model<M: Model>(rows: &[Vec<f64>]) -> M {
    M::fit(rows)
}

#[task]
async fn save_model(name: &str, prediction: f64) -> Result<(), String> {
    Err(format!("no place for `{name}`, which predicts {prediction}"))
}

#[flow]
async fn pipeline(source: String) -> Result<f64> {
    let rows = load_data(source).submit();
    let scaled = preprocess::submit(&rows);
    let model = train_model::of::<Mean>(&scaled).await?;
    let prediction = model.predict(&[]);
    save_model("mean", prediction).await?;
    Ok(prediction)
}

#[test]
fn s97_preprocess_removes_rows_with_gaps() {
    let rows = vec![
        vec![Some(1.0), Some(5.0)],
        vec![Some(2.0), None],
        vec![None, Some(7.0)],
        vec![Some(4.0), Some(8.0)],
    ];
    let result = preprocess::raw(&rows);
    assert_eq!(result.len(), 2);
    assert!(result.iter().flatten().all(|value| value.is_finite()));
}

#[test]
fn s97_preprocess_scales_each_column_to_the_mean_zero() {
    let rows = [1.0, 2.0, 3.0, 4.0].map(|value| vec![Some(value), Some(value * 10.0)]).to_vec();
    let result = preprocess::raw(&rows);
    for column in 0..2 {
        let mean = result.iter().map(|row| row[column]).sum::<f64>() / 4.0;
        assert!(mean.abs() < 1e-9, "column {column} has the mean {mean}");
    }
}

#[flow]
async fn two_models() -> Result<(Mean, Spy)> {
    let rows = vec![vec![1.0], vec![3.0]];
    let spy = train_model::<Spy>(&rows).await?;
    Ok((train_model(&rows).await?, spy))
}

#[flowkit::test]
async fn s98_what_a_task_works_with_is_injected_by_a_generic_parameter() {
    assert_eq!(train_model::raw::<Spy>(&[vec![0.0]]).await, Spy { rows: 1 });
    assert_eq!(two_models().await.unwrap(), (Mean(2.0), Spy { rows: 2 }));
}

#[flowkit::test]
async fn s99_the_whole_pipeline_runs_with_loading_and_saving_mocked_and_saves_once() {
    let load = load_data::mock(|source| async move {
        assert_eq!(source, "data.csv");
        Ok(vec![vec![Some(1.0), Some(0.0)], vec![Some(2.0), Some(1.0)], vec![Some(3.0), None]])
    });
    let save = save_model::mock(|name, prediction| {
        let (name, prediction) = (name.to_owned(), prediction);
        async move { if name == "mean" && prediction.abs() < 1e-9 { Ok(()) } else { Err(name) } }
    });
    let run = pipeline("data.csv".into()).run().await;
    assert!(run.result().as_ref().unwrap().abs() < 1e-9);
    assert_eq!((load.calls(), save.calls()), (1, 1));
    let tasks: Vec<_> = run.task_runs().into_iter().map(|task_run| task_run.task).collect();
    assert_eq!(
        tasks,
        ["load_data", "preprocess", "train_model", "save_model"],
        "a mock is recorded like its task"
    );
}

#[flowkit::test]
async fn a_mock_keeps_the_policies_of_its_task_and_counts_each_attempt() {
    let load = load_data::mock(|_| async { Err("down".into()) });
    let begun = Instant::now();
    let error = load_data("x".into()).await.unwrap_err();
    assert_eq!(error.to_string(), "task `load_data` failed after 3 attempts: down");
    assert_eq!(load.calls(), 3);
    assert_eq!(begun.elapsed(), Duration::from_secs(120), "two retries, a minute each, in no time");
}

#[flowkit::test]
async fn a_mock_stands_for_its_task_until_it_is_dropped() {
    let load = load_data::mock(|_| async { Ok(vec![]) });
    assert!(load_data("x".into()).await.is_ok());
    drop(load);
    let error = load_data("x".into()).retries(0).await.unwrap_err();
    assert_eq!(error.to_string(), "task `load_data` failed: there is no `x` here");
}

async fn loaded() -> usize {
    load_data("x".into()).await.unwrap().len()
}

#[flowkit::test]
async fn of_several_mocks_of_a_task_the_last_one_counts_until_it_is_dropped() {
    let mut first = load_data::mock(|_| async { Ok(vec![]) });
    let second = load_data::mock(|_| async { Ok(vec![vec![]]) });
    assert_eq!(loaded().await, 1);
    drop(second);
    assert_eq!(loaded().await, 0);
    assert_eq!(first.calls(), 1);
    first = load_data::mock(|_| async { Ok(vec![vec![], vec![]]) });
    assert_eq!(loaded().await, 2, "the old mock was dropped after the new one was made");
    assert_eq!(first.calls(), 1);
}

#[flowkit::test]
async fn the_closure_of_a_mock_returns_the_result_or_a_future_of_it() {
    let at_once = load_data::mock(|_| Ok(vec![vec![]]));
    assert_eq!((loaded().await, at_once.calls()), (1, 1));
    let later = load_data::mock(async |source| Ok(vec![vec![]; source.len()]));
    assert_eq!((loaded().await, later.calls()), (1, 1));
    let _mean = preprocess::mock(|rows| vec![vec![0.5]; rows.len()]);
    assert_eq!(preprocess(&vec![vec![]]).await.unwrap(), [[0.5]]);
}

#[flowkit::test]
async fn a_mock_is_for_the_test_that_makes_it() {
    let _load = load_data::mock(|_| async { Ok(vec![]) });
    let other = flowkit::Runtime::builder().build();
    assert!(load_data("x".into()).retries(0).on(&other).await.is_err());
    assert!(load_data("x".into()).await.is_ok());
}

#[flow]
async fn both_models() -> Result<(f64, usize)> {
    let rows = vec![vec![1.0], vec![3.0]];
    Ok((train_model::<Mean>(&rows).await?.0, train_model::<Spy>(&rows).await?.rows))
}

#[flowkit::test]
async fn each_instance_of_a_generic_task_has_a_mock_of_its_own() {
    let mean = train_model::mock::<Mean, _, _>(|_| async { Mean(7.0) });
    assert_eq!(both_models().await.unwrap(), (7.0, 2));
    let spy = train_model::mock::<Spy, _, _>(|rows| {
        let rows = rows.len() * 100;
        async move { Spy { rows } }
    });
    assert_eq!(both_models().await.unwrap(), (7.0, 200));
    drop(mean);
    assert_eq!(both_models().await.unwrap(), (2.0, 200));
    assert_eq!(spy.calls(), 2);
}

#[task(retries = 5, retry_delay = "100s", jitter = 1.0)]
async fn jittery(
    times: std::sync::Arc<std::sync::Mutex<Vec<Duration>>>,
    begun: Instant,
) -> Result<(), String> {
    times.lock().unwrap().push(begun.elapsed());
    Err("again".into())
}

async fn waits() -> Vec<Duration> {
    let times = std::sync::Arc::default();
    jittery(std::sync::Arc::clone(&times), Instant::now()).await.unwrap_err();
    times.lock().unwrap().clone()
}

#[test]
fn the_seed_of_a_test_decides_its_jitter() {
    let with = |seed| flowkit::testing::run(seed, waits());
    assert_eq!(with(Some(7)), with(Some(7)));
    assert_ne!(with(Some(7)), with(Some(8)));
    assert_eq!(with(None), with(None), "without one, every test has the same");
}

#[flowkit::test(seed = 7)]
async fn the_seed_of_a_test_stands_in_its_attribute() {
    // Another test has another thread, clock and runtime, also inside this one.
    let expected = std::thread::spawn(|| flowkit::testing::run(Some(7), waits())).join().unwrap();
    assert_eq!(waits().await, expected);
}

#[flowkit::test]
async fn hours_pass_at_once_when_every_task_waits() {
    let begun = Instant::now();
    sleep(Duration::from_secs(3600 * 24 * 365)).await;
    assert_eq!(begun.elapsed().as_secs(), 3600 * 24 * 365);
}
