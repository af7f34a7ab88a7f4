use flowkit::prelude::*;

#[task]
async fn load(path: String) -> Result<String, Box<dyn std::error::Error>> {
    Ok(std::fs::read_to_string(path)?)
}

fn main() {}
