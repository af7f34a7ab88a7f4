//! Runs passes of one shape through one side and nothing else, for a profiler that counts instructions. The side `store` is
//! flowkit with its runs in SQLite, in a folder that goes with the program.

use std::env;
use std::error::Error;

use flowkit::Durability;
use flowkit_benches::measure::{pass, runtime};
use flowkit_benches::shape::Shape;
use flowkit_benches::side::Side;
use flowkit_benches::store::kept;

const USAGE: &str = "usage: one-pass SHAPE SIDE PASSES, such as: one-pass 'chain 10k' flowkit 3";

fn main() -> Result<(), Box<dyn Error>> {
    let [shape, side, passes] = env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| USAGE)?;
    let shape = Shape::TABLE.into_iter().find(|known| known.to_string() == shape).ok_or(USAGE)?;
    let (passes, runtime) = (passes.parse::<u32>()?, runtime());
    if side == "store" {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("runs.db");
        for _ in 0..passes {
            kept::pass(&runtime, shape, Some((&path, Durability::Relaxed)))?;
        }
        return Ok(());
    }
    let side = Side::named(&side).ok_or(USAGE)?;
    for _ in 0..passes {
        pass(&runtime, side, shape).ok_or("this side cannot express the shape")?;
    }
    Ok(())
}
