use flowkit::prelude::*;

use std::collections::HashMap;

#[task(retry = 3)]
async fn fetch(url: String) -> Result<usize> {
    Ok(url.len())
}

#[task]
async fn count(page: &mut String) -> HashMap<String, usize> {
    HashMap::from([(page.clone(), page.len())])
}

#[flow]
async fn etl(day: &str) -> usize {
    day.len()
}

#[flow]
async fn both() -> Result<usize> {
    let lengths = fetch::map(vec!["a".to_owned()]).await?;
    let counts = count::of(lengths[0]).retries(3).submit();
    let more = count(&mut String::new()).await?;
    let total = etl("today").await? + more["a"] + (&counts).await?["a"];
    Ok(total)
}

fn main() {
    let _ = both().run();
}
