use flowkit::prelude::*;

#[derive(Debug)]
enum LoadError {
    NotFound,
}

#[task]
async fn load(path: String) -> Result<String, LoadError> {
    if path.is_empty() { Err(LoadError::NotFound) } else { Ok(path) }
}

fn main() {}
