use flowkit::prelude::*;

#[task]
const fn double(n: u32) -> u32 {
    n * 2
}

#[task]
unsafe fn read(n: u32) -> u32 {
    n
}

#[task]
extern "C" fn call(n: u32) -> u32 {
    n
}

fn main() {
    let _ = double(2);
}
