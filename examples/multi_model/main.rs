//! What you learn: a list known only at run time becomes tasks that run in parallel, and one that fails stops only its
//! own branch.
//!
//! cargo run --example multi_model
//!
//! ```text
//! line     right 52.9%, off by 0.59
//! stump    right 52.6%, off by 0.62
//! nearest  right 48.9%, off by 0.61
//! mean     right 37.9%, off by 0.72
//! best: line
//! ```
//!
//! Meanwhile, on standard error:
//!
//! ```text
//! start   multi_model          run=s7nzkq5
//! ok      read                 0.007s
//! FAIL    train forest         0.007s error="unknown model type `forest`" at=examples/multi_model/main.rs:92
//! skip    evaluate forest      because=train forest
//! ok      train mean           0.011s
//! ok      train line           0.019s
//! ok      train nearest        0.007s
//! ok      evaluate mean        0.007s
//! ok      evaluate line        0.000356s
//! ok      train stump          0.075s
//! ok      evaluate stump       0.002s
//! ok      evaluate nearest     1.220s slow usual=0.002s
//! ok      compare              0.002s
//! failure train forest         error="unknown model type `forest`" at=examples/multi_model/main.rs:92
//! FINISHED  multi_model  1.251s  1 failure  12 tasks: 10 ran 1 failed 1 skipped
//! 4 of 4 trainings at the same time
//! ```

mod models;

use std::collections::HashSet;

use flowkit::prelude::*;
use models::{Guess, UnknownModel, Wine, average};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/winequality-red.csv");

/// Wines to train on, and wines to test with.
type Split = [Vec<Wine>; 2];

#[derive(Clone, Debug)]
struct Score {
    model: String,
    accuracy: f64,
    mean_error: f64,
}

/// Reads the wines, and reserves every fifth for the test. A duplicate line must not be in both parts.
#[task]
fn read(path: String) -> Result<Split> {
    let table = std::fs::read_to_string(path)?;
    let mut seen = HashSet::new();
    let lines = table.lines().skip(1).filter(|line| seen.insert(*line));
    let mut split = [vec![], vec![]];
    for (number, line) in lines.enumerate() {
        let row = line.split(',').map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        let wine = Wine { acidity: row[1], sulphates: row[9], alcohol: row[10], quality: row[11] };
        split[usize::from(number % 5 == 0)].push(wine);
    }
    Ok(split)
}

#[task(run_name = "train {name}")]
fn train(name: String, [wines, _]: &Split) -> Result<Guess, UnknownModel> {
    models::train(&name, wines)
}

#[task(run_name = "evaluate {name}")]
fn evaluate(guess: &Guess, name: String, [_, wines]: &Split) -> Score {
    let errors = || wines.iter().map(|wine| (guess(wine) - wine.quality).abs());
    let accuracy = average(errors().map(|error| f64::from(error < 0.5)));
    Score { model: name, accuracy, mean_error: average(errors()) }
}

/// Sorts the scores of the models that could be trained, best first.
#[task]
fn compare(scores: Vec<Result<Score, Error>>) -> Vec<Score> {
    let mut scores: Vec<Score> = scores.into_iter().flatten().collect();
    scores.sort_by(|a, b| b.accuracy.total_cmp(&a.accuracy));
    scores
}

#[flow]
async fn multi_model(names: Vec<String>) -> Result<Vec<Score>> {
    let wines = read(SOURCE.into()).submit();
    let models = train::map(names.clone(), &wines);
    let scores = evaluate::map(&models, each(names), &wines);
    Ok(compare::of(allow_failure(&scores)).await?)
}

#[tokio::main]
async fn main() -> Result<()> {
    flowkit::observe(flowkit::terminal::lines());
    let names = ["mean", "line", "stump", "nearest", "forest"].map(String::from);
    let run = multi_model(names.into()).run().await;

    // How many trainings ran when each of them began: the record knows when each began and ended.
    let trainings: Vec<_> = run
        .task_runs_of("train")
        .iter()
        .filter(|training| training.state == State::Completed)
        .filter_map(|training| Some(training.started_at?..training.ended_at?))
        .collect();
    let running = |at| trainings.iter().filter(|training| training.contains(at)).count();
    let most = trainings.iter().map(|training| running(&training.start)).max().unwrap_or_default();
    eprintln!("{most} of {} trainings at the same time", trainings.len());

    let scores = run.into_result()?;
    for Score { model, accuracy, mean_error } in &scores {
        println!("{model:<8} right {:.1}%, off by {mean_error:.2}", accuracy * 100.0);
    }
    let best = scores.first().ok_or("no model could be trained")?;
    println!("best: {}", best.model);
    Ok(())
}
