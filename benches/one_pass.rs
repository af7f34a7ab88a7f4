//! Runs passes of one shape through one side and nothing else, for a profiler that counts instructions.

use std::env;
use std::error::Error;

use flowkit_benches::measure::{pass, runtime};
use flowkit_benches::shape::Shape;
use flowkit_benches::side::Side;

const USAGE: &str = "usage: one-pass SHAPE SIDE PASSES, such as: one-pass 'chain 10k' flowkit 3";

fn main() -> Result<(), Box<dyn Error>> {
    let [shape, side, passes] = env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| USAGE)?;
    let shape = Shape::TABLE.into_iter().find(|known| known.to_string() == shape).ok_or(USAGE)?;
    let side = Side::named(&side).ok_or(USAGE)?;
    let runtime = runtime();
    for _ in 0..passes.parse::<u32>()? {
        pass(&runtime, side, shape).ok_or("this side cannot express the shape")?;
    }
    Ok(())
}
