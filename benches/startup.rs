//! What the start of a program costs: prints the time of `mybin run hello` beside that of a plain program that writes one
//! row, and which promises held. See the README beside it.

use std::env;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use clap::Parser;
use flowkit_benches::report;
use flowkit_benches::startup::cost::{self, Cost};
use flowkit_benches::startup::figures::Plan;
use flowkit_benches::startup::program::{Programs, Side};
use flowkit_benches::startup::promises;

/// The start of a program, as ratios.
#[derive(Parser)]
struct Options {
    /// A few passes and a short history: figures only roughly right.
    #[arg(long)]
    quick: bool,
    /// Where the databases are made; the disk of this folder is what is measured.
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    folder: PathBuf,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
    /// Measure what a program costs on this database, in this process, and print JSON.
    #[arg(long, hide = true, value_name = "DATABASE")]
    cost_on: Option<PathBuf>,
    /// Of the plain program, not of that of flowkit.
    #[arg(long, hide = true)]
    plain: bool,
    /// Cargo passes this to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn programs() -> Programs {
    Programs {
        flowkit: env!("CARGO_BIN_EXE_startup-hello").into(),
        plain: env!("CARGO_BIN_EXE_startup-plain").into(),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    if let Some(database) = &options.cost_on {
        let side = if options.plain { Side::Plain } else { Side::Flowkit };
        println!("{}", serde_json::to_string(&cost::of(programs().command(side, database))?)?);
        return Ok(());
    }
    // Without `--bench`, as under `cargo test`, it is enough that everything runs.
    let plan = match options.quick || !options.bench {
        true => Plan { passes: 3, fsyncs: 20, runs: 40 },
        false => Plan { passes: 101, fsyncs: 500, runs: 10_000 },
    };
    let figures = plan.measure(&options.folder, &programs(), cost_of)?;
    let verdicts = promises::verdicts(&figures);
    if options.json {
        println!("{}", report::json::render(&figures, &verdicts)?);
    } else {
        print!("{}", report::startup::render(&figures, &verdicts));
    }
    Ok(())
}

/// Asks a separate process, which is small.
fn cost_of(side: Side, database: &Path) -> Result<Cost, Box<dyn Error>> {
    let mut program = Command::new(env::current_exe()?);
    program.arg("--cost-on").arg(database).args((side == Side::Plain).then_some("--plain"));
    let output = program.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("`{program:?}` ended with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}
