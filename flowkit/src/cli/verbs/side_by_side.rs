//! Runs laid side by side: a line for each thing that is compared, a column for each run. As text, JSON or CSV.

use std::collections::BTreeSet;

use serde_json::json;

use crate::cli::json::{line, number};
use crate::cli::out::{columns, note, print_bytes, print_line, tables};
use crate::cli::session::Session;
use crate::model::StoredFlowRun;
use crate::text::apart::apart;
use crate::text::columns;
use crate::value::json::Json;

/// Longer values are shortened for people: there may be many runs.
const CELL_COLUMNS_MAX: usize = 40;

/// Which values of a metric are better.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Better {
    Higher,
    Lower,
}

impl Better {
    /// Guesses it from the name of a metric: lower is better if a word in it is that of a loss, an error or a cost.
    pub(super) fn by_name(name: &str) -> Self {
        const LOWER: [&str; 13] = [
            "loss",
            "losses",
            "error",
            "err",
            "rmse",
            "mse",
            "mae",
            "mape",
            "perplexity",
            "latency",
            "cost",
            "wer",
            "cer",
        ];
        let name = name.to_lowercase();
        let is_lower = name
            .split(|c: char| !c.is_alphanumeric())
            .any(|word| LOWER.contains(&word) || LOWER.contains(&word.strip_suffix('s').unwrap_or(word)));
        if is_lower { Self::Lower } else { Self::Higher }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Higher => "higher",
            Self::Lower => "lower",
        }
    }

    const fn arrow(self) -> &'static str {
        match self {
            Self::Higher => "↑",
            Self::Lower => "↓",
        }
    }

    /// Returns which of the values are the best; none if all are the same.
    fn best(self, values: &[Option<f64>]) -> Vec<bool> {
        let numbers = || values.iter().flatten().copied().filter(|value| !value.is_nan());
        let best = match self {
            Self::Higher => numbers().reduce(f64::max),
            Self::Lower => numbers().reduce(f64::min),
        };
        let is_best = |value: &Option<f64>| value.is_some() && *value == best;
        let all = values.iter().map(is_best);
        if values.iter().all(is_best) { vec![false; values.len()] } else { all.collect() }
    }
}

/// A line of the comparison: its label, and the exact value of each run.
pub(super) struct ComparisonLine {
    name: String,
    pub(super) cells: Vec<String>,
    /// Of a metric.
    numbers: Option<Numbers>,
}

struct Numbers {
    values: Vec<Option<f64>>,
    better: Better,
    /// Which of the values are the best.
    best: Vec<bool>,
}

impl ComparisonLine {
    pub(super) fn new(name: String, cells: Vec<String>) -> Self {
        Self { name, cells, numbers: None }
    }

    pub(super) fn of_metric(name: &str, values: &[Option<f64>], better: Better) -> Self {
        let cells = values.iter().map(|value| value.map(|value| value.to_string()).unwrap_or_default());
        let numbers = Numbers { values: values.to_vec(), better, best: better.best(values) };
        Self { name: format!("metric {name}"), cells: cells.collect(), numbers: Some(numbers) }
    }

    pub(super) fn differs(&self) -> bool {
        self.cells.iter().any(|cell| *cell != self.cells[0])
    }

    /// Returns the cells for people: short, but different where they differ.
    fn shown(&self) -> Vec<String> {
        let Some(Numbers { values, best, .. }) = &self.numbers else {
            let cells: Vec<String> = self.cells.iter().map(|cell| columns::visible(cell)).collect();
            return apart(&cells.iter().map(String::as_str).collect::<Vec<_>>(), CELL_COLUMNS_MAX);
        };
        let short = values.iter().map(|value| value.map(columns::number).unwrap_or_default());
        let short: Vec<String> = short.collect();
        let distinct = |cells: &[String]| cells.iter().collect::<BTreeSet<_>>().len();
        let cells = if distinct(&short) == distinct(&self.cells) { &short } else { &self.cells };
        let mark = |best: &bool| if *best { " *" } else { "" };
        cells.iter().zip(best).map(|(cell, best)| format!("{cell}{}", mark(best))).collect()
    }

    /// Returns the label for people: of a metric, with what is better, if one of the runs is.
    fn label(&self) -> String {
        let mark = if self.differs() { "≠ " } else { "  " };
        let better = self.numbers.as_ref().filter(|numbers| numbers.best.contains(&true));
        let arrow = better.map(|numbers| format!(" {}", numbers.better.arrow())).unwrap_or_default();
        format!("{mark}{}{arrow}", self.name)
    }

    fn as_json(&self, ids: &[String]) -> Json {
        let values = match &self.numbers {
            Some(numbers) => numbers.values.iter().map(|value| value.map(number)).collect(),
            None => json!(self.cells),
        };
        let best = self.numbers.as_ref().map(|numbers| {
            let best = ids.iter().zip(&numbers.best).filter(|(_, best)| **best);
            best.map(|(id, _)| id).collect::<Vec<_>>()
        });
        let better = self.numbers.as_ref().map(|numbers| numbers.better.word());
        let fields = json!({
            "name": self.name, "runs": ids, "values": values, "better": better, "best": best,
        });
        line("compared", None, fields)
    }
}

/// Prints the lines in the form that was asked for.
pub(super) fn print(session: &Session, runs: &[StoredFlowRun], lines: &[ComparisonLine]) {
    let ids: Vec<String> = runs.iter().map(|run| run.id.short()).collect();
    if session.is_json() {
        return lines.iter().map(|line| line.as_json(&ids)).for_each(print_line);
    }
    if session.is_csv() {
        let head = std::iter::once("name").chain(ids.iter().map(String::as_str));
        print_bytes(csv(head).as_bytes());
        for line in lines {
            let cells = line.cells.iter().map(String::as_str);
            print_bytes(csv(std::iter::once(line.name.as_str()).chain(cells)).as_bytes());
        }
        return;
    }
    let head = std::iter::once("run".to_owned()).chain(ids);
    let rows = lines.iter().map(|line| std::iter::once(line.label()).chain(line.shown()).collect());
    let rows: Vec<Vec<String>> = std::iter::once(head.collect()).chain(rows).collect();
    tables(&rows, columns()).iter().for_each(print_line);
    if lines.iter().flat_map(|line| &line.numbers).any(|numbers| numbers.best.contains(&true)) {
        note(
            "`*` is the best value: where ↑ the highest, where ↓ the lowest; `--lower <metric>` and `--higher <metric>` say which",
        );
    }
}

/// Returns a record of CSV, as RFC 4180 has it.
fn csv<'c>(cells: impl Iterator<Item = &'c str>) -> String {
    let quoted = cells.map(|cell| match cell.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", cell.replace('"', "\"\"")),
        false => cell.to_owned(),
    });
    quoted.collect::<Vec<_>>().join(",") + "\r\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(values: &[f64]) -> ComparisonLine {
        let values: Vec<_> = values.iter().copied().map(Some).collect();
        ComparisonLine::of_metric("loss", &values, Better::Higher)
    }

    #[test]
    fn numbers_are_short_unless_those_that_differ_would_look_alike() {
        let apart = line(&[0.123_456_789, 0.5]);
        assert!(apart.differs());
        assert_eq!(apart.shown(), ["0.123457", "0.5 *"]);
        let close = line(&[0.123_456_789, 0.123_456_788, 0.5]);
        assert!(close.differs());
        assert_eq!(close.shown(), ["0.123456789", "0.123456788", "0.5 *"]);
        let equal = line(&[0.123_456_789; 2]);
        assert!(!equal.differs());
        assert_eq!(equal.shown(), ["0.123457"; 2]);
        assert!(!line(&[f64::NAN, f64::NAN]).differs());
        assert!(line(&[f64::NAN, f64::INFINITY]).differs());
    }

    #[test]
    fn the_best_value_is_the_lowest_of_what_is_named_like_an_error() {
        let lower = ["loss", "val_loss", "test error", "RMSE", "train/losses", "scoring › mae"];
        assert!(lower.iter().all(|name| Better::by_name(name) == Better::Lower));
        let higher = ["accuracy", "f1", "glossy", "terror", "lossless"];
        assert!(higher.iter().all(|name| Better::by_name(name) == Better::Higher));
        let values = [Some(2.0), None, Some(f64::NAN), Some(1.0), Some(2.0)];
        assert_eq!(Better::Higher.best(&values), [true, false, false, false, true]);
        assert_eq!(Better::Lower.best(&values), [false, false, false, true, false]);
        assert_eq!(Better::Lower.best(&[Some(1.0), Some(1.0)]), [false, false]);
    }

    #[test]
    fn long_values_that_differ_at_their_ends_look_different() {
        let urls = ["a", "b"].map(|end| format!("https://example.org/{}/{end}", "x".repeat(60)));
        let line = ComparisonLine::new("param url".to_owned(), urls.to_vec());
        let shown = line.shown();
        assert!(line.differs() && shown[0] != shown[1], "{shown:?}");
    }

    #[test]
    fn cells_with_marks_of_csv_are_quoted() {
        assert_eq!(
            csv(["a", "b,c", "say \"x\"", "two\nlines", ""].into_iter()),
            "a,\"b,c\",\"say \"\"x\"\"\",\"two\nlines\",\r\n"
        );
    }
}
