//! What you learn: work that may be repeated without harm. Four ways to write, and four ways to make a thing happen once.
//!
//! cargo run --example idempotency -- run idempotency
//!
//! ```text
//!         appended  replaced  fresh  versions  upserted
//! once           1         1      1         1         1
//! twice          2         1      1         1         1
//! two bills with one key: one run
//! invoice 1, 1 payment
//! three times the price: 1 question
//! ```
//!
//! A task may run twice: it is retried, or its process died. Two runs must then leave behind what one would have left, as
//! in all columns but the first. Within an hour, a second run does not look up a price again: the answer is in the database.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use flowkit::prelude::*;
use rusqlite::Connection;

const SHOP: &str = "CREATE TABLE items (id INTEGER PRIMARY KEY, value TEXT);
    CREATE TABLE payments (key TEXT PRIMARY KEY, customer INTEGER);";

/// Not idempotent: each run adds a line.
#[task]
fn append(path: &Path) -> io::Result<()> {
    OpenOptions::new().create(true).append(true).open(path)?.write_all(b"new data\n")
}

/// The draft is beside the file, so that a rename is one step: no reader ever finds half a file, or none.
#[task]
fn replace(path: &Path) -> io::Result<()> {
    let draft = path.with_extension("draft");
    fs::write(&draft, "new data\n")?;
    fs::rename(draft, path)
}

/// Empties a folder, so that it has no leftovers of an earlier attempt.
#[task]
fn fresh_folder(path: &Path) -> io::Result<()> {
    if path.exists() {
        fs::remove_dir_all(path)?;
    }
    fs::create_dir(path)?;
    fs::write(path.join("part-1.csv"), "new data\n")
}

/// A version is a name: the same version is the same file.
#[task]
fn versioned(folder: &Path, version: u32) -> io::Result<()> {
    fs::write(folder.join(format!("output_v{version}.csv")), "new data\n")
}

#[task]
fn upsert(database: &Path, id: u32, value: &str) -> Result<()> {
    let update =
        "INSERT INTO items (id, value) VALUES (?1, ?2) ON CONFLICT (id) DO UPDATE SET value = excluded.value";
    Connection::open(database)?.execute(update, (id, value))?;
    Ok(())
}

/// Pays, and loses the answer the first time. The bank recognizes the payment by the call's idempotency key.
#[task(retries = 1)]
fn charge(database: &Path, customer: u32) -> Result<()> {
    let key = ctx().idempotency_key().ok_or("only a call in a flow has a key")?;
    let pay = "INSERT INTO payments (key, customer) VALUES (?1, ?2) ON CONFLICT (key) DO NOTHING";
    Connection::open(database)?.execute(pay, (key, customer))?;
    if ctx().attempt() == 1 { Err("the answer was lost".into()) } else { Ok(()) }
}

static INVOICES: AtomicU32 = AtomicU32::new(0);
static QUESTIONS: AtomicU32 = AtomicU32::new(0);

/// Looks up a price, at most once an hour.
#[task(cache = "inputs", cache_ttl = "1h")]
async fn price(item: &str) -> usize {
    QUESTIONS.fetch_add(1, Ordering::Relaxed);
    item.len()
}

/// Fails after its work, and is retried: the number stays the one that was drawn, and the invoice is paid once.
#[flow(retries = 1)]
async fn bill(database: PathBuf, customer: u32) -> Result<u32> {
    let invoice = flowkit::once("invoice", || INVOICES.fetch_add(1, Ordering::Relaxed) + 1).await?;
    charge(&database, customer).await?;
    if ctx().attempt() == 1 { Err("the connection broke".into()) } else { Ok(invoice) }
}

/// Does everything twice, and prints what exists afterwards.
#[flow]
async fn idempotency() -> Result<()> {
    let run = ctx().flow_run_id().ok_or("a flow runs as a run")?;
    let folder = std::env::temp_dir().join(format!("idempotency-{}", run.short()));
    fs::create_dir(&folder)?;
    let at = |name: &str| folder.join(name);
    let database = at("shop.db");
    Connection::open(&database)?.execute_batch(SHOP)?;

    println!("        appended  replaced  fresh  versions  upserted");
    for time in ["once", "twice"] {
        append(&at("log")).await?;
        replace(&at("table")).await?;
        fresh_folder(&at("parts")).await?;
        versioned(&folder, 3).await?;
        upsert(&database, 1, time).await?;
        let lines = |name| io::Result::Ok(fs::read_to_string(at(name))?.lines().count());
        let [appended, replaced] = [lines("log")?, lines("table")?];
        let [fresh, versions] = [files(&at("parts"), "part")?, files(&folder, "output_v")?];
        let items = rows(&database, "items")?;
        println!("{time:<6}  {appended:>8}  {replaced:>8}  {fresh:>5}  {versions:>8}  {items:>8}");
    }

    // The same key is the same run, in any process.
    let key = format!("2026-11 of {}", run.short());
    let first = bill(database.clone(), 7).idempotency_key(&key).run().await;
    let second = bill(database.clone(), 7).idempotency_key(&key).run().await;
    println!("two bills with one key: {} run", if first.id() == second.id() { "one" } else { "not one" });
    println!("invoice {}, {} payment", second.into_result()?, rows(&database, "payments")?);
    for _ in 0..3 {
        price("tea").await?;
    }
    println!("three times the price: {} question", QUESTIONS.load(Ordering::Relaxed));
    fs::remove_dir_all(folder)?;
    Ok(())
}

fn rows(database: &Path, table: &str) -> rusqlite::Result<u32> {
    Connection::open(database)?.query_one(&format!("SELECT count(*) FROM {table}"), (), |row| row.get(0))
}

fn files(folder: &Path, begin: &str) -> io::Result<usize> {
    let names = fs::read_dir(folder)?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>()?;
    Ok(names.iter().filter(|name| name.to_string_lossy().starts_with(begin)).count())
}

flowkit::main!(idempotency, bill);
