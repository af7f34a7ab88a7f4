//! What you learn: a textbook's graph of twelve nodes, with two that run at the same time and a decision, is plain code. The
//! record has the branch that was not taken, too.
//!
//! cargo run --example seed_dag
//!
//! ```text
//! データ取得 --> データ検証
//! データ検証 --> 前処理
//! 前処理 --> 特徴量エンジニアリング
//! 特徴量エンジニアリング --> 訓練データ分割
//! 訓練データ分割 --> モデル訓練
//! 訓練データ分割 --> ハイパーパラメータ調整
//! モデル訓練 --> モデル評価
//! ハイパーパラメータ調整 --> モデル評価
//! モデル評価 --> 性能OK?
//! 性能OK? -->|No| アラート送信
//! 性能OK? -->|Yes| モデル登録
//! モデル登録 --> デプロイ
//! not run: アラート送信 (性能OK? is Yes)
//! ```
//!
//! `cargo run --example seed_dag -- 1.1` asks for more than the model can achieve: then the other branch runs.

use flowkit::prelude::*;

/// Points on a line, some of them a little off.
#[task(name = "データ取得")]
async fn acquire() -> Vec<(f64, f64)> {
    (0..20).map(f64::from).map(|x| (x, 3.0 * x + x.sin())).collect()
}

#[task(name = "データ検証")]
async fn validate(points: Vec<(f64, f64)>) -> Result<Vec<(f64, f64)>> {
    if points.len() < 10 { Err("too few points".into()) } else { Ok(points) }
}

/// Centres the points.
#[task(name = "前処理")]
async fn preprocess(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let count = points.len() as f64;
    let x = points.iter().map(|point| point.0).sum::<f64>() / count;
    let y = points.iter().map(|point| point.1).sum::<f64>() / count;
    points.iter().map(|point| (point.0 - x, point.1 - y)).collect()
}

/// The feature of a point is how far to the right it is, from 0 to 1.
#[task(name = "特徴量エンジニアリング")]
async fn engineer(points: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let widest = points.iter().map(|point| point.0.abs()).fold(f64::MIN_POSITIVE, f64::max);
    points.iter().map(|point| (point.0 / widest, point.1)).collect()
}

/// Every fifth point is for the evaluation.
#[task(name = "訓練データ分割")]
async fn split(points: Vec<(f64, f64)>) -> [Vec<(f64, f64)>; 2] {
    let numbered = points.into_iter().enumerate();
    let (test, train): (Vec<_>, Vec<_>) = numbered.partition(|(number, _)| number % 5 == 0);
    [train, test].map(|part| part.into_iter().map(|(_, point)| point).collect())
}

/// A slope, and the points that it has not seen.
#[derive(Clone, Debug)]
struct Model {
    slope: f64,
    unseen: Vec<(f64, f64)>,
}

#[task(name = "モデル訓練")]
async fn train([points, unseen]: &[Vec<(f64, f64)>; 2]) -> Model {
    let sum = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>();
    Model { slope: sum(|(x, y)| x * y) / sum(|(x, _)| x * x), unseen: unseen.clone() }
}

/// Returns by how much to shrink the slope.
#[task(name = "ハイパーパラメータ調整")]
async fn tune([points, _]: &[Vec<(f64, f64)>; 2]) -> f64 {
    1.0 - 1.0 / (1.0 + points.len() as f64).powi(2)
}

/// Returns which part of the variance the model explains.
#[task(name = "モデル評価")]
async fn evaluate(Model { slope, unseen }: &Model, shrinkage: f64) -> f64 {
    let unexplained: f64 = unseen.iter().map(|(x, y)| (y - slope * shrinkage * x).powi(2)).sum();
    1.0 - unexplained / unseen.iter().map(|(_, y)| y * y).sum::<f64>()
}

#[task(name = "性能OK?")]
async fn is_good(score: f64, wanted: f64) -> bool {
    score >= wanted
}

#[task(name = "モデル登録")]
async fn register() -> String {
    "model 1".to_owned()
}

#[task(name = "アラート送信")]
async fn alert() {}

#[task(name = "デプロイ")]
async fn deploy(_model: &str) {}

#[flow]
async fn seed_dag(wanted: f64) -> Result<()> {
    let points = engineer::of(preprocess::of(validate::of(acquire()))).submit();
    let parts = split::submit(&points);
    let (model, shrinkage) = (train::submit(&parts), tune::submit(&parts)); // both are running now
    let score = evaluate::submit(&model, &shrinkage);
    let good = is_good::submit(&score, wanted);

    let register = register().after(&good).branch("Yes");
    let alert = alert().after(&good).branch("No");
    let registered = if *(&good).await? {
        alert.skip("性能OK? is Yes");
        register.submit()
    } else {
        alert.await?;
        register.skip("性能OK? is No")
    };
    deploy::submit(&registered); // skipped, if its input is
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let wanted = std::env::args().nth(1).map_or(Ok(0.9), |word| word.parse())?;
    let run = seed_dag(wanted).run().await;
    let graph = run.graph();
    let label = |id| graph.nodes().iter().find(|node| node.id == id).map_or("", |node| &node.label);
    for edge in graph.edges() {
        let branch = edge.label.as_ref().map_or(String::new(), |branch| format!("|{branch}|"));
        println!("{} -->{branch} {}", label(edge.from), label(edge.to));
    }
    for skipped in run.task_runs().iter().filter(|task_run| task_run.state == State::Skipped) {
        println!("not run: {} ({})", skipped.label(), skipped.skip_reason.as_deref().unwrap_or_default());
    }
    run.into_result()?;
    Ok(())
}
