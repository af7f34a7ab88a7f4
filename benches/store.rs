//! What keeping runs in SQLite costs: prints the work beside its floor and beside a peer, a long history, and which
//! promises held. See the README beside it.

use std::error::Error;
use std::path::{Path, PathBuf};

use clap::Parser;
use flowkit_benches::report;
use flowkit_benches::store::durare::Durare;
use flowkit_benches::store::plan::Plan;
use flowkit_benches::store::promises;

/// The cost of keeping runs, as ratios.
#[derive(Parser)]
struct Options {
    /// One pass each, no peer, no million: seconds instead of minutes, figures only roughly right.
    #[arg(long)]
    quick: bool,
    /// Only shapes whose name contains this text, `caching` or `history`.
    #[arg(long, default_value = "")]
    only: String,
    /// Leave out the peer, which is built first.
    #[arg(long)]
    no_peer: bool,
    /// Where the databases are made; the disk of this folder is what is measured.
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    folder: PathBuf,
    /// Print JSON instead of the tables.
    #[arg(long)]
    json: bool,
    /// Cargo passes this to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

impl Options {
    fn plan(self) -> Plan {
        // Without `--bench`, as under `cargo test`, it is enough that everything runs.
        let is_quick = self.quick || !self.bench;
        let plan = if is_quick { Plan::quick(self.folder) } else { Plan::full(self.folder) };
        let durare = if is_quick || self.no_peer { None } else { peer(&plan.folder) };
        Plan { only: self.only, durare, ..plan }
    }
}

/// Builds the peer, which may be impossible, as without a network.
fn peer(folder: &Path) -> Option<Durare> {
    eprintln!("building the peer");
    Durare::build(folder).inspect_err(|error| eprintln!("left out the peer: {error}")).ok()
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let is_json = options.json;
    let figures = options.plan().measure()?;
    let verdicts = promises::verdicts(&figures);
    if is_json {
        println!("{}", report::json::render(&figures, &verdicts)?);
    } else {
        print!("{}", report::store::render(&figures, &verdicts));
    }
    Ok(())
}
