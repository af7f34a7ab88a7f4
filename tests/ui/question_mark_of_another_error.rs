use flowkit::prelude::*;

#[task]
async fn count(page: String) -> Result<usize, std::fmt::Error> {
    Ok(page.parse::<usize>()?)
}

#[flow]
async fn etl() -> Result<usize, std::fmt::Error> {
    Ok(count("1".to_owned()).await?)
}

fn main() {}
