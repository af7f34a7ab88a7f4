//! What you learn: a Kubeflow pipeline with a grid search, in one process: nine forests on three folds are 27 runs of one
//! task. Artifacts are values, and `output.outputs['best_params']` is an argument.
//!
//! cargo run --example kubeflow_tuning
//!
//! ```text
//! trees  depth  accuracy in 3 folds
//!    20      5  0.752
//!    10      5  0.751
//!    20     10  0.745
//!     5      5  0.742
//!    20     15  0.742
//!    10     10  0.740
//!    10     15  0.736
//!     5     10  0.732
//!     5     15  0.724
//! the best on other wines: accuracy 0.706, f1 0.708, precision 0.735, recall 0.683
//! ```
//!
//! `--trees 50,100,200` searches the original's grid; without `--release` it takes a minute.

use flowkit::prelude::*;
use ml::{Forest, ForestOptions, Scores, Table};
use serde::{Deserialize, Serialize};

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/winequality-red.csv");
const FOLDS: usize = 3;
const SEED: u64 = 42;

/// Rows to train on, and rows to test with.
type Parts = [Table; 2];

/// The result of the search: each candidate with its mean accuracy, best first.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Ranking(Vec<(ForestOptions, f64)>);

#[task]
fn load() -> Result<Table> {
    Table::read(SOURCE.as_ref(), |quality| u32::from(quality >= 6.0))
}

#[task]
fn preprocess(table: &Table, test_size: f64) -> Parts {
    table.split(test_size, SEED)
}

/// Trains one candidate on two thirds of the rows, and evaluates it on the rest.
#[task(run_name = "{trees} trees of depth {depth}, fold {fold}")]
fn try_out(trees: u16, depth: u16, fold: usize, [rows, _]: &Parts) -> Result<f64> {
    let [train, test] = rows.fold(fold, FOLDS);
    let forest = Forest::train(&train, ForestOptions { trees, depth: Some(depth) }, SEED)?;
    Ok(forest.evaluate(&test)?.accuracy)
}

/// Averages each candidate over its folds. Among equals, the smaller forest comes first.
#[task]
fn rank(candidates: Vec<ForestOptions>, accuracies: &[f64]) -> Ranking {
    let means = accuracies.chunks(FOLDS).map(|folds| folds.iter().sum::<f64>() / FOLDS as f64);
    let mut ranking: Vec<_> = candidates.into_iter().zip(means).collect();
    ranking.sort_by(|a, b| b.1.total_cmp(&a.1));
    Ranking(ranking)
}

#[task]
fn train([rows, _]: &Parts, ranking: &Ranking) -> Result<Forest> {
    let (best, _) = ranking.0.first().ok_or("there is no candidate")?;
    Forest::train(rows, *best, SEED)
}

#[task]
fn evaluate(forest: &Forest, [_, rows]: &Parts) -> Result<Scores> {
    let scores = forest.evaluate(rows)?;
    flowkit::metric("accuracy", scores.accuracy);
    Ok(scores)
}

/// Searches for the best forest, trains it on all training rows, and evaluates it on rows that the search has not seen.
#[flow(name = "Complete ML pipeline with tuning")]
async fn tuning(
    /// The share of the rows that is reserved for the test
    #[param(default = 0.2)]
    test_size: f64,
    /// Numbers of trees to try
    #[param(default = vec![5, 10, 20])]
    trees: Vec<u16>,
    /// Depths to try
    #[param(default = vec![5, 10, 15])]
    depths: Vec<u16>,
) -> Result<Scores> {
    let parts = preprocess::of(load(), test_size).submit();
    let candidates: Vec<_> = trees
        .iter()
        .flat_map(|trees| depths.iter().map(|depth| ForestOptions { trees: *trees, depth: Some(*depth) }))
        .collect();
    let runs = candidates.iter().flat_map(|candidate| (0..FOLDS).map(move |fold| (candidate, fold)));
    let depth_of = |candidate: &ForestOptions| candidate.depth.unwrap_or_default();
    let trees = runs.clone().map(|(candidate, _)| candidate.trees);
    let depths: Vec<_> = runs.clone().map(|(candidate, _)| depth_of(candidate)).collect();
    let folds: Vec<_> = runs.map(|(_, fold)| fold).collect();

    let accuracies = try_out::map(trees, each(depths), each(folds), &parts); // all running now
    let ranking = rank::submit(candidates, &accuracies);
    let forest = train::submit(&parts, &ranking);
    let scores = evaluate::of(&forest, &parts).await?;

    println!("trees  depth  accuracy in {FOLDS} folds");
    for (candidate, accuracy) in &ranking.await?.0 {
        println!("{:>5}  {:>5}  {accuracy:.3}", candidate.trees, depth_of(candidate));
    }
    let Scores { accuracy, f1, precision, recall } = scores;
    println!(
        "the best on other wines: accuracy {accuracy:.3}, f1 {f1:.3}, precision {precision:.3}, recall {recall:.3}"
    );
    Ok(scores)
}

flowkit::main!(tuning);
