//! A random forest and its scores. The forest is smartcore's, with shorter names.

use serde::{Deserialize, Serialize};
use smartcore::ensemble::random_forest_classifier::{
    RandomForestClassifier, RandomForestClassifierParameters,
};
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::{Result, Table};

/// How to grow a forest.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ForestOptions {
    pub trees: u16,
    /// The maximum depth of a tree; `None` for no maximum.
    pub depth: Option<u16>,
}

/// A trained model: predicts the class of a row.
#[derive(Debug, Serialize, Deserialize)]
pub struct Forest(RandomForestClassifier<f64, u32, DenseMatrix<f64>, Vec<u32>>);

/// The scores of a model on rows that it has not seen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Scores {
    /// The share of right predictions.
    pub accuracy: f64,
    /// The share of rows predicted as class 1 that are in it.
    pub precision: f64,
    /// The share of rows of class 1 that are predicted as such.
    pub recall: f64,
    /// The harmonic mean of precision and recall.
    pub f1: f64,
}

impl Forest {
    pub fn train(table: &Table, options: ForestOptions, seed: u64) -> Result<Self> {
        let mut parameters =
            RandomForestClassifierParameters::default().with_n_trees(options.trees).with_seed(seed);
        parameters.max_depth = options.depth;
        Ok(Self(RandomForestClassifier::fit(&matrix(table)?, &table.classes, parameters)?))
    }

    pub fn evaluate(&self, table: &Table) -> Result<Scores> {
        let guesses = self.0.predict(&matrix(table)?)?;
        Ok(Scores::of(&guesses, &table.classes))
    }
}

impl Scores {
    pub fn of(guesses: &[u32], classes: &[u32]) -> Self {
        let count = |guess: u32, class: u32| {
            guesses.iter().zip(classes).filter(|pair| (*pair.0, *pair.1) == (guess, class)).count() as f64
        };
        let (hits, false_alarms, misses) = (count(1, 1), count(1, 0), count(0, 1));
        // Without predictions of a class the score is 0, not 0 / 0.
        let share = |part: f64, whole: f64| if whole == 0.0 { 0.0 } else { part / whole };
        Self {
            accuracy: share(hits + count(0, 0), classes.len() as f64),
            precision: share(hits, hits + false_alarms),
            recall: share(hits, hits + misses),
            f1: share(2.0 * hits, 2.0 * hits + false_alarms + misses),
        }
    }
}

fn matrix(table: &Table) -> Result<DenseMatrix<f64>> {
    Ok(DenseMatrix::from_2d_vec(&table.rows)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_follow_from_four_counts() {
        // 2 hits, 1 false alarm, 1 miss, 1 correct 0.
        let scores = Scores::of(&[1, 1, 1, 0, 0], &[1, 1, 0, 1, 0]);
        let third = 2.0 / 3.0;
        assert_eq!(scores, Scores { accuracy: 0.6, precision: third, recall: third, f1: third });
    }

    #[test]
    fn a_model_that_never_guesses_1_has_a_precision_of_0() {
        assert_eq!(Scores::of(&[0, 0], &[0, 1]).precision, 0.0);
    }
}
