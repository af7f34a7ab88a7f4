//! What keeping runs in SQLite costs: prints the work beside its floor and beside a peer, a long history, and which
//! promises held. See the README beside it.

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use flowkit_benches::report;
use flowkit_benches::store::durare::Durare;
use flowkit_benches::store::figures::{CHAIN, FAN_OUT, Figures};
use flowkit_benches::store::side::Ground;
use flowkit_benches::store::{disk, history, promises};

/// The cost of keeping runs, as ratios.
#[derive(Parser)]
struct Options {
    /// One pass each, no peer, no million: seconds instead of minutes, figures only roughly right.
    #[arg(long)]
    quick: bool,
    /// Only shapes whose name contains this text, or `history`.
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
    /// Without `--bench`, as under `cargo test`, it is enough that everything runs.
    fn is_quick(&self) -> bool {
        self.quick || !self.bench
    }

    /// An odd number, so that the median is a measured pass. A pass of the store varies with the disk.
    fn passes(&self) -> usize {
        if self.is_quick() { 1 } else { 11 }
    }

    /// The peer, unless it is not wanted or cannot be built.
    fn peer(&self) -> Option<Durare> {
        if self.is_quick() || self.no_peer {
            return None;
        }
        eprintln!("building the peer");
        Durare::build(&self.folder).inspect_err(|error| eprintln!("left out the peer: {error}")).ok()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    let figures = measured(&options)?;
    let verdicts = promises::verdicts(&figures);
    if options.json {
        println!("{}", report::store::render_json(&figures, &verdicts)?);
    } else {
        print!("{}", report::store::render(&figures, &verdicts));
    }
    Ok(())
}

fn measured(options: &Options) -> Result<Figures, Box<dyn Error>> {
    let ground = Ground::new(&options.folder, options.peer())?;
    let fsync = disk::fsync(ground.folder(), if options.is_quick() { 20 } else { 500 })?;
    let mut figures = Figures { fsync_us: fsync.as_secs_f64() * 1e6, ..Figures::default() };
    for shape in [FAN_OUT, CHAIN].into_iter().filter(|shape| shape.to_string().contains(&options.only)) {
        eprintln!("timing {shape}");
        figures.measure(&ground, shape, options.passes())?;
    }
    if !options.is_quick() && "history".contains(&options.only) {
        eprintln!("writing a million task runs");
        figures.history = Some(history::measure(ground.folder(), history::RUNS)?);
    }
    Ok(figures)
}
