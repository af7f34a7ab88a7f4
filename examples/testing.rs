//! What you learn: four ways to test: the function alone, the task with its policies, a flow without waiting, and a
//! flow with mocked input and output.
//!
//! cargo test --example testing
//!
//! ```text
//! test tests::rows_without_a_value_are_dropped ... ok
//! test tests::the_mean_is_zero ... ok
//! test tests::a_missing_file_is_tried_six_times ... ok
//! test tests::the_pipeline_loads_once_and_saves_once ... ok
//! ```

use flowkit::prelude::*;

#[derive(Clone, Debug, PartialEq)]
struct Row {
    value: Option<f64>,
}

#[task(retries = 5, retry_delay = "1m", backoff = "exponential")]
async fn load(path: String) -> std::io::Result<Vec<Row>> {
    let text = std::fs::read_to_string(path)?;
    Ok(text.lines().map(|line| Row { value: line.parse().ok() }).collect())
}

/// Drops the rows without a value, and shifts the rest so that their mean is 0.
#[task]
fn center(rows: &[Row]) -> Vec<f64> {
    let values: Vec<f64> = rows.iter().filter_map(|row| row.value).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    values.iter().map(|value| value - mean).collect()
}

#[task]
async fn save(values: Vec<f64>) -> std::io::Result<usize> {
    std::fs::write(std::env::temp_dir().join("centered.txt"), format!("{values:?}"))?;
    Ok(values.len())
}

#[flow]
async fn pipeline(path: String) -> Result<usize> {
    let rows = load(path).submit();
    Ok(save::of(center::of(&rows)).await?)
}

#[tokio::main]
async fn main() -> Result<()> {
    let source = std::env::temp_dir().join("values.txt");
    std::fs::write(&source, "1\n\n3\n")?;
    println!("{} values", pipeline(source.display().to_string()).await?);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    fn rows() -> Vec<Row> {
        vec![Row { value: Some(1.0) }, Row { value: None }, Row { value: Some(3.0) }]
    }

    #[test]
    fn rows_without_a_value_are_dropped() {
        assert_eq!(center::raw(&rows()).len(), 2); // the function as written: no engine, no runtime
    }

    #[tokio::test]
    async fn the_mean_is_zero() {
        let values = center(&rows()).await.unwrap(); // the task, with its policies
        assert!(values.iter().sum::<f64>().abs() < 1e-9);
    }

    #[flowkit::test]
    async fn a_missing_file_is_tried_six_times() {
        let error = load("/no/such/file".into()).await.unwrap_err(); // half an hour of waits, at once
        let Error::Task(failure) = error else { panic!("{error}") };
        assert_eq!(failure.attempts(), 6);
    }

    #[flowkit::test]
    async fn the_pipeline_loads_once_and_saves_once() {
        let saved = Arc::new(Mutex::new(vec![]));
        let loads = load::mock(|_path| async { Ok(rows()) });
        let save_to = Arc::clone(&saved);
        let saves = save::mock(move |values: Vec<f64>| {
            let count = values.len();
            *save_to.lock().unwrap() = values;
            async move { Ok(count) }
        });
        assert_eq!(pipeline("not read".into()).await.unwrap(), 2);
        assert_eq!((loads.calls(), saves.calls()), (1, 1));
        assert_eq!(*saved.lock().unwrap(), [-1.0, 1.0]);
    }
}
