//! A table of features with a class for each row, which can be written as CSV.

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Random, Result, replace};

/// Rows of features, and the class of each. Serializable, so that a resumed run reuses it, and what was made from it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// NaN for a missing value.
    pub rows: Vec<Vec<f64>>,
    /// 0 or 1.
    pub classes: Vec<u32>,
}

impl Table {
    /// Reads a CSV file with a header, whose last column is the class. Drops duplicate lines: otherwise one might be trained
    /// on, and the other tested with.
    pub fn read(path: &Path, class: impl Fn(f64) -> u32) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        let mut seen = HashSet::new();
        let mut table = Self::default();
        for line in text.lines().skip(1).filter(|line| seen.insert(*line)) {
            let mut row = line.split(',').map(number).collect::<Result<Vec<f64>>>()?;
            let last = row.pop().ok_or_else(|| format!("`{}` has an empty line", path.display()))?;
            table.rows.push(row);
            table.classes.push(class(last));
        }
        Ok(table)
    }

    /// Reads what [`write`](Self::write) wrote.
    pub fn read_pair(features: &Path, classes: &Path) -> Result<Self> {
        let rows = Self::read_columns(features)?;
        let classes = Self::read_columns(classes)?.into_iter().flatten().map(|class| class as u32).collect();
        Ok(Self { rows, classes })
    }

    fn read_columns(path: &Path) -> Result<Vec<Vec<f64>>> {
        let text = std::fs::read_to_string(path).map_err(|error| format!("`{}`: {error}", path.display()))?;
        text.lines().skip(1).map(|line| line.split(',').map(number).collect()).collect()
    }

    /// Writes the features and the classes to separate files.
    pub fn write_pair(&self, features: &Path, classes: &Path) -> Result<()> {
        replace(features, csv(&self.rows, "feature").as_bytes())?;
        let column: Vec<_> = self.classes.iter().map(|class| vec![f64::from(*class)]).collect();
        Ok(replace(classes, csv(&column, "target").as_bytes())?)
    }

    /// Writes one file, with the class in the last column.
    pub fn write(&self, path: &Path) -> Result<()> {
        let pairs = self.rows.iter().zip(&self.classes);
        let rows: Vec<_> = pairs.map(|(row, class)| [&row[..], &[f64::from(*class)]].concat()).collect();
        Ok(replace(path, csv(&rows, "column").as_bytes())?)
    }

    /// Makes rows of three features that have nothing to do with their class, like the data of many a first pipeline.
    pub fn generated(rows: usize, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let rows: Vec<Vec<f64>> = (0..rows).map(|_| (0..3).map(|_| random.gaussian()).collect()).collect();
        let classes = rows.iter().map(|_| random.below(2) as u32).collect();
        Self { rows, classes }
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Returns the share of the rarer class.
    pub fn rarer_share(&self) -> f64 {
        let ones = self.classes.iter().filter(|class| **class == 1).count();
        ones.min(self.len() - ones) as f64 / self.len() as f64
    }

    /// Shuffles the rows and splits them, into a number of rows for training and a share of them for the test.
    pub fn split(&self, test_share: f64, seed: u64) -> [Self; 2] {
        let order = shuffled(self.len(), seed);
        let test = (self.len() as f64 * test_share).round() as usize;
        [self.pick(&order[test..]), self.pick(&order[..test])]
    }

    /// Splits the rows for cross-validation: first all but every `of`-th row, counted from `fold`, then those.
    pub fn fold(&self, fold: usize, of: usize) -> [Self; 2] {
        let (test, train): (Vec<_>, Vec<_>) = (0..self.len()).partition(|row| row % of == fold);
        [self.pick(&train), self.pick(&test)]
    }

    fn pick(&self, rows: &[usize]) -> Self {
        let classes = rows.iter().map(|row| self.classes[*row]).collect();
        Self { rows: rows.iter().map(|row| self.rows[*row].clone()).collect(), classes }
    }
}

/// Returns the numbers below `length` in random order, by the Fisher-Yates shuffle.
fn shuffled(length: usize, seed: u64) -> Vec<usize> {
    let mut random = Random::new(seed);
    let mut order: Vec<usize> = (0..length).collect();
    (1..length).rev().for_each(|last| order.swap(last, random.below(last + 1)));
    order
}

fn number(cell: &str) -> Result<f64> {
    match cell.trim() {
        "" => Ok(f64::NAN),
        cell => cell.parse().map_err(|_| format!("`{cell}` is not a number").into()),
    }
}

fn csv(rows: &[Vec<f64>], name: &str) -> String {
    let columns = rows.first().map_or(0, Vec::len);
    let header: Vec<_> = (1..=columns).map(|column| format!("{name}{column}")).collect();
    let mut text = header.join(",") + "\n";
    for row in rows {
        let cells: Vec<_> =
            row.iter().map(|value| if value.is_nan() { String::new() } else { value.to_string() }).collect();
        text += &(cells.join(",") + "\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_split_has_every_row_once_and_the_same_seed_gives_the_same_split() {
        let table = Table::generated(1000, 42);
        let [train, test] = table.split(0.2, 42);
        assert_eq!((train.len(), test.len()), (800, 200));
        let sorted = |rows: Vec<Vec<f64>>| {
            let mut rows = rows;
            rows.sort_by(|a, b| a.partial_cmp(b).unwrap());
            rows
        };
        assert_eq!(sorted([train.rows.clone(), test.rows].concat()), sorted(table.rows.clone()));
        assert_eq!(table.split(0.2, 42)[0], train);
        assert_ne!(table.split(0.2, 43)[0], train);
    }

    #[test]
    fn each_row_is_tested_with_in_one_fold() {
        let table = Table::generated(10, 42);
        let tested: usize = (0..3).map(|fold| table.fold(fold, 3)[1].len()).sum();
        assert_eq!(tested, 10);
    }

    #[test]
    fn what_was_written_is_read_again_and_a_repeated_line_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.csv");
        let table =
            Table { rows: vec![vec![0.1, f64::NAN], vec![3.0, 4.0], vec![3.0, 4.0]], classes: vec![0, 1, 1] };
        table.write(&path).unwrap();
        let read = Table::read(&path, |class| class as u32).unwrap();
        assert!(read.rows[0][1].is_nan());
        assert_eq!((&read.rows[1..], &read.classes[..]), (&table.rows[1..2], &[0, 1][..]));
    }
}
