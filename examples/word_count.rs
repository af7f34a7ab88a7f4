//! What you learn: two tasks, a flow, one run per item, and what a run prints.
//!
//! cargo run --example word_count -- LICENSE-MIT LICENSE-APACHE
//!
//! ```text
//! 1746 words
//! ```
//!
//! Meanwhile, on standard error:
//!
//! ```text
//! start   word_count           run=0cfs94y
//! ok      read LICENSE-MIT     0.000726s
//! ok      read LICENSE-APACHE  0.001s
//! ok      count_words[1]       0.000383s
//! ok      count_words[0]       0.000107s
//! OK  word_count  0.002s  4 tasks: 4 ran
//! ```

use flowkit::prelude::*;

/// Reads a file, which may still be on its way.
#[task(run_name = "read {path}", retries = 2, retry_delay = "100ms", backoff = "exponential")]
fn read(path: String) -> std::io::Result<String> {
    std::fs::read_to_string(path)
}

#[task]
fn count_words(text: &str) -> usize {
    text.split_whitespace().count()
}

#[flow]
async fn word_count(paths: Vec<String>) -> Result<usize> {
    let texts = read::map(paths); // all running now
    let counts = count_words::map(&texts); // one edge per file; nothing is copied
    Ok(counts.await?.iter().sum())
}

#[tokio::main]
async fn main() -> Result<()> {
    flowkit::observe(flowkit::terminal::lines());
    let words = word_count(std::env::args().skip(1).collect()).await?;
    println!("{words} words");
    Ok(())
}
