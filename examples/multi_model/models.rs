//! Four small models in plain Rust. Nothing here depends on flowkit.

use std::sync::Arc;

/// A wine: its measured values, and the quality that tasters gave it.
#[derive(Clone, Debug)]
pub(crate) struct Wine {
    pub(crate) acidity: f64,
    pub(crate) sulphates: f64,
    pub(crate) alcohol: f64,
    pub(crate) quality: f64,
}

/// A trained model: predicts the quality of a wine.
pub(crate) type Guess = Arc<dyn Fn(&Wine) -> f64 + Send + Sync>;

#[derive(Debug, thiserror::Error)]
#[error("unknown model type `{0}`")]
pub(crate) struct UnknownModel(String);

/// Trains a model of the named type thirty times, on random samples of the wines; predicts the mean of their predictions.
pub(crate) fn train(name: &str, wines: &[Wine]) -> Result<Guess, UnknownModel> {
    let fit = match name {
        "mean" => mean,
        "line" => line,
        "stump" => stump,
        "nearest" => nearest,
        _ => return Err(UnknownModel(name.to_owned())),
    };
    // Knuth's generator with a fixed seed: the output must not change from run to run.
    let mut random = 1_u64;
    let mut draw = |_| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        wines[(random >> 33) as usize % wines.len()].clone()
    };
    let fitted: Vec<Guess> =
        (0..30).map(|_| fit((0..wines.len()).map(&mut draw).collect::<Vec<_>>())).collect();
    Ok(Arc::new(move |wine| average(fitted.iter().map(|guess| guess(wine)))))
}

/// Predicts the same for every wine.
fn mean(wines: Vec<Wine>) -> Guess {
    let mean = average(wines.iter().map(|wine| wine.quality));
    Arc::new(move |_| mean)
}

/// Predicts by the least-squares line of quality over alcohol.
fn line(wines: Vec<Wine>) -> Guess {
    let x = average(wines.iter().map(|wine| wine.alcohol));
    let y = average(wines.iter().map(|wine| wine.quality));
    let covariance = average(wines.iter().map(|wine| (wine.alcohol - x) * (wine.quality - y)));
    let slope = covariance / average(wines.iter().map(|wine| (wine.alcohol - x).powi(2)));
    Arc::new(move |wine| y + slope * (wine.alcohol - x))
}

/// Splits the wines where alcohol tells most about quality, and predicts the mean of each side.
fn stump(wines: Vec<Wine>) -> Guess {
    let stump = |limit: f64| {
        let side = |strong| wines.iter().filter(move |wine| (wine.alcohol > limit) == strong);
        let [low, high] = [false, true].map(|strong| average(side(strong).map(|wine| wine.quality)));
        move |wine: &Wine| if wine.alcohol > limit { high } else { low }
    };
    let error = |limit: f64| {
        let guess = stump(limit);
        average(wines.iter().map(|wine| (guess(wine) - wine.quality).powi(2)))
    };
    let limits = (19..=25).map(|half| f64::from(half) / 2.0);
    let best = limits.min_by(|a, b| error(*a).total_cmp(&error(*b)));
    Arc::new(stump(best.unwrap_or_default()))
}

/// Predicts the quality of the most similar wine.
fn nearest(wines: Vec<Wine>) -> Guess {
    let distance = |a: &Wine, b: &Wine| {
        // In standard deviations, or alcohol would outweigh the others.
        let acidity = (a.acidity - b.acidity) / 0.18;
        let sulphates = (a.sulphates - b.sulphates) / 0.17;
        acidity.powi(2) + sulphates.powi(2) + ((a.alcohol - b.alcohol) / 1.07).powi(2)
    };
    Arc::new(move |wine| {
        let nearest = wines.iter().min_by(|a, b| distance(a, wine).total_cmp(&distance(b, wine)));
        nearest.map_or(0.0, |nearest| nearest.quality)
    })
}

/// Returns the mean, or NaN if there are no values.
pub(crate) fn average(values: impl Iterator<Item = f64>) -> f64 {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    sum / count
}
