//! What removing old runs costs, and how long other writers wait meanwhile. See the README beside it.

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use flowkit_benches::store::pruning;

/// The cost of removing old runs.
#[derive(Parser)]
struct Options {
    /// A tenth of the runs.
    #[arg(long)]
    quick: bool,
    /// Where the databases are made; the disk of this folder is what is measured.
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    folder: PathBuf,
    /// Print JSON instead of sentences.
    #[arg(long)]
    json: bool,
    /// Cargo passes this to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let folder = tempfile::tempdir_in(&options.folder)?;
    // Without `--bench`, as under `cargo test`, it is enough that everything runs.
    let runs = match (options.bench, options.quick) {
        (true, false) => pruning::RUNS,
        (true, true) => pruning::RUNS / 10,
        (false, _) => pruning::RUNS / 100,
    };
    let pruning = pruning::measure(folder.path(), runs)?;
    if options.json {
        println!("{}", serde_json::to_string(&pruning)?);
    } else {
        println!("{pruning}");
    }
    Ok(())
}
