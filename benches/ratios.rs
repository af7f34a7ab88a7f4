//! Times every side on every shape and prints one table with ratios. See the README beside it.

use std::env;
use std::error::Error;
use std::process::{Command, Stdio};

use clap::Parser;
use flowkit_benches::allocations::Allocations;
use flowkit_benches::million::{self, Million};
use flowkit_benches::results::Results;
use flowkit_benches::shape::Shape;
use flowkit_benches::side::Side;
use flowkit_benches::{bounds, measure, report};
use serde::de::DeserializeOwned;

/// The same work through flowkit, by hand, and through flowkit's peers.
#[derive(Parser)]
struct Options {
    /// Fewer passes and no million: seconds instead of a minute, figures only roughly right.
    #[arg(long)]
    quick: bool,
    /// A million tasks on the peers too, and also with `--quick`.
    #[arg(long)]
    million: bool,
    /// Only shapes whose name contains this text.
    #[arg(long, default_value = "")]
    only: String,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
    /// Measure a million tasks of this side in this process and print JSON.
    #[arg(long, hide = true, value_name = "SIDE")]
    million_of: Option<String>,
    /// Cargo passes this to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    /// Without `--bench`, as under `cargo test`, it is enough that everything runs.
    fn is_quick(&self) -> bool {
        self.quick || !self.bench
    }

    /// Odd numbers, so that the median is a measured pass. Enough that a busy moment of the machine does not
    /// show; a pass of more than ten thousand tasks is long enough to be steady sooner.
    fn passes(&self, shape: Shape) -> usize {
        match shape.tasks() {
            _ if self.is_quick() => 3,
            ..=10_000 => 21,
            _ => 5,
        }
    }

    fn sides_of_a_million(&self) -> &'static [Side] {
        match self {
            Self { million: true, .. } => million::SIDES,
            _ if self.is_quick() => &[],
            _ => million::DEFAULT_SIDES,
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    if let Some(side) = &options.million_of {
        let side = Side::named(side).ok_or_else(|| format!("no side is named `{side}`"))?;
        println!("{}", serde_json::to_string(&million::measure(side))?);
        return Ok(());
    }
    let results = measured(&options)?;
    let verdicts = bounds::verdicts(&results);
    if options.json {
        println!("{}", report::json::render(&results, &verdicts)?);
    } else {
        print!("{}", report::table::render(&results, &verdicts));
    }
    Ok(())
}

fn measured(options: &Options) -> Result<Results, Box<dyn Error>> {
    let wanted = |shape: &Shape| shape.to_string().contains(&options.only);
    let mut results = Results::default();

    eprintln!("counting allocations");
    let counter = Command::new(env!("CARGO_BIN_EXE_count-allocations"));
    let allocations: Vec<Allocations> = answer(counter, &[&options.only])?;

    let runtime = measure::runtime();
    for shape in Shape::TABLE.into_iter().filter(wanted) {
        eprintln!("timing {shape}");
        let times = measure::interleaved(&runtime, Side::ALL, shape, options.passes(shape));
        results.add_times(shape, &times, &allocations);
    }
    drop(runtime);

    if wanted(&Shape::INDEPENDENT_1M) {
        results.add_millions(&millions(options)?);
    }
    Ok(results)
}

/// Measures the sides one after the other, each in its own process.
fn millions(options: &Options) -> Result<Vec<Million>, Box<dyn Error>> {
    let mut millions = Vec::new();
    for &side in options.sides_of_a_million() {
        eprintln!("a million tasks: {side}");
        let program = Command::new(env::current_exe()?);
        let million: Option<Million> = answer(program, &["--million-of", side.name()])?;
        millions.extend(million);
    }
    Ok(millions)
}

/// Runs a program of ours and reads the JSON it prints.
fn answer<T: DeserializeOwned>(mut program: Command, arguments: &[&str]) -> Result<T, Box<dyn Error>> {
    let output = program.args(arguments).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("`{program:?}` ended with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
