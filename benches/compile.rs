//! What compiling a program costs for each task that it has: prints the code of a task, a small change, and the binary, and
//! which promises held. See the README beside it.

use std::error::Error;
use std::path::PathBuf;

use clap::Parser;
use flowkit_benches::{compile, report};

/// The cost of compiling tasks.
#[derive(Parser)]
struct Options {
    /// Where the programs are made and built.
    #[arg(long, default_value = env!("CARGO_TARGET_TMPDIR"))]
    folder: PathBuf,
    /// Print JSON instead of the table.
    #[arg(long)]
    json: bool,
    /// Cargo passes this to every benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse();
    if !options.bench {
        // Under `cargo test`: it builds flowkit and all that it needs once more, which takes minutes.
        return Ok(());
    }
    let figures = compile::measure(&options.folder)?;
    let verdicts = compile::verdicts(&figures);
    if options.json {
        println!("{}", report::json::render(&figures, &verdicts)?);
    } else {
        print!("{}", report::compile::render(&figures, &verdicts));
    }
    Ok(())
}
