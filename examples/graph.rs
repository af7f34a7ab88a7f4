//! What you learn: the graph of a run, as mermaid text for a README and as an SVG picture.
//!
//! cargo run --example graph
//!
//! ```text
//! flowchart LR
//!     n4("✓ count[0]<br/>Completed · 8µs"):::good
//!     n5("✓ count[1]<br/>Completed · 1µs"):::good
//!     n6("⊘ count[2]<br/>UpstreamFailed"):::blocked
//!     n7("⊘ publish<br/>UpstreamFailed"):::blocked
//!     n8("✓ clean_up<br/>Completed · 8µs"):::good
//!     subgraph g0["download"]
//!         n1("✓ fetch[0]<br/>Completed · 3µs"):::good
//!         n2("✓ fetch[1]<br/>Completed · 1µs"):::good
//!         n3("✗ fetch[2]<br/>Failed · 24µs"):::bad
//!     end
//!     n1 --> n4
//!     n2 --> n5
//!     n3 --> n6
//!     n4 --> n7
//!     n5 --> n7
//!     n6 --> n7
//!     n1 -.-> n8
//!     n2 -.-> n8
//!     n3 -.-> n8
//!     classDef good fill:#e9f7f2,stroke:#009e73,color:#1b1f24
//!     classDef blocked fill:#f1f1f1,stroke:#767676,color:#1b1f24
//!     classDef bad fill:#fdeee6,stroke:#d55e00,color:#1b1f24
//! picture: /tmp/pages.svg
//! ```

use flowkit::policy::trigger::Trigger;
use flowkit::prelude::*;

#[task]
async fn fetch(page: u32) -> Result<String, String> {
    if page == 3 { Err("404 not found".into()) } else { Ok("words ".repeat(page as usize)) }
}

#[task]
async fn count(text: &str) -> usize {
    text.split_whitespace().count()
}

#[task]
async fn publish(counts: &[usize]) -> usize {
    counts.iter().sum()
}

#[task]
async fn clean_up() {}

#[flow]
async fn pages() -> Result<usize> {
    let texts = group("download", async { fetch::map(1..=3) }).await;
    let counts = count::map(&texts);
    let published = publish::of(&counts).submit();
    clean_up().after(&texts).trigger(Trigger::AllDone).await?;
    Ok(published.await?)
}

#[tokio::main]
async fn main() -> Result<()> {
    let run = pages().run().await;
    let graph = run.graph();
    print!("{}", graph.to_mermaid());
    let picture = std::env::temp_dir().join("pages.svg");
    std::fs::write(&picture, graph.to_svg())?;
    println!("picture: {}", picture.display());
    Ok(())
}
