//! What you learn: equal inputs are computed once, even by simultaneous calls, and how to ask for a fresh result.
//!
//! cargo run --example caching
//!
//! ```text
//! ["home (rendering 1)", "home (rendering 1)", "home (rendering 1)"]
//! again:   home (rendering 1)
//! other:   about (rendering 2)
//! fresh:   home (rendering 3)
//! again:   home (rendering 3)
//! without: home (rendering 4)
//! ["home (rendering 3)", "home (rendering 3)", "home (rendering 3)"]
//! again:   home (rendering 3)
//! other:   about (rendering 2)
//! fresh:   home (rendering 5)
//! again:   home (rendering 5)
//! without: home (rendering 6)
//! 4 of 8 cached
//! 6 of 8 cached
//! ```

use std::sync::atomic::{AtomicU32, Ordering};

use flowkit::prelude::*;

static SHOTS: AtomicU32 = AtomicU32::new(0);

/// Renders a page, and counts how often it does so.
#[task(cache = "inputs", cache_ttl = "1h")]
async fn render(page: String) -> String {
    let shot = SHOTS.fetch_add(1, Ordering::Relaxed) + 1;
    format!("{page} (rendering {shot})")
}

#[flow]
async fn site() -> Result<()> {
    let home = || render("home".to_owned());
    // Three at the same time: one renders, the others wait for it.
    println!("{:?}", render::map(["home", "home", "home"].map(String::from)).await?);
    println!("again:   {}", home().await?);
    println!("other:   {}", render("about".to_owned()).await?);
    println!("fresh:   {}", home().refresh_cache().await?); // runs, and is cached
    println!("again:   {}", home().await?);
    println!("without: {}", home().no_cache().await?); // runs, and is not cached
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    let first = site().run().await;
    let second = site().run().await; // the cache belongs to the runtime, not to a run
    for run in [first, second] {
        let cached = run.task_runs().iter().filter(|run| run.state == State::Cached).count();
        println!("{cached} of {} cached", run.task_runs().len());
    }
    Ok(())
}
