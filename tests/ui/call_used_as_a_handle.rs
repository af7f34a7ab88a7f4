use flowkit::prelude::*;

#[task]
async fn load() -> u32 {
    1
}

#[flow]
async fn etl() -> Result<u32> {
    let first = load();
    let second = load().after(first).submit();
    let _ = allow_failure(load());
    Ok(second.await?)
}

fn main() {}
