use flowkit::prelude::*;

type Outcome<T> = std::result::Result<T, std::num::ParseIntError>;

#[task(retries = 3)]
async fn parse(text: String) -> Outcome<u32> {
    text.parse()
}

fn main() {}
