//! What you learn: which call is which. A client has no content to compare: `ignore` excludes it, `key` says what counts.
//!
//! cargo run --example identity
//!
//! ```text
//! attempt 1: 2 pages fetched, 1 order paid
//! attempt 2: 2 pages fetched, 1 order paid
//! ```

use std::sync::atomic::{AtomicU32, Ordering};

use flowkit::prelude::*;

static FETCHED: AtomicU32 = AtomicU32::new(0);
static PAID: AtomicU32 = AtomicU32::new(0);

/// Like a connection pool: no two of them can be compared.
#[derive(Clone)]
struct Client;

/// Not `Serialize` either, but it has a number.
struct Order {
    id: u32,
}

#[task(retries = 3, ignore(client))]
async fn fetch(client: Client, page: u32) -> String {
    FETCHED.fetch_add(1, Ordering::Relaxed);
    client.get(page)
}

#[task(at_most_once, key = |order: &Order| order.id)]
async fn pay(order: Order) -> u32 {
    PAID.fetch_add(1, Ordering::Relaxed);
    order.id
}

impl Client {
    fn get(&self, page: u32) -> String {
        format!("page {page}")
    }
}

/// Fails after its work; the second attempt makes the same calls, with another client and another order with that number.
#[flow(retries = 1)]
async fn shop() -> Result<()> {
    let pages = [1, 2].map(|page| fetch(Client, page).submit());
    for page in pages {
        page.await?;
    }
    pay(Order { id: 7 }).await?;
    let (fetched, paid) = (FETCHED.load(Ordering::Relaxed), PAID.load(Ordering::Relaxed));
    println!("attempt {}: {fetched} pages fetched, {paid} order paid", ctx().attempt());
    if ctx().attempt() == 1 { Err("the connection broke".into()) } else { Ok(()) }
}

#[tokio::main]
async fn main() -> Result<()> {
    Ok(shop().await?)
}
