//! A program whose flows take arguments that cannot be persisted, or cannot even be read.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "no library")]

use std::path::PathBuf;
use std::time::Duration;

use flowkit::prelude::*;
use serde::{Deserialize, Serialize};

#[task]
async fn load(rows: u32, path: PathBuf) -> Result<u32, std::io::Error> {
    std::fs::read_to_string(path).map(|_| rows)
}

/// Can be read, but not written.
#[derive(Clone, Debug, Default, Deserialize)]
struct Basket {
    items: Vec<String>,
}

/// Buys the content of a basket, none of which is persisted; fails as long as a file is missing.
#[flow]
async fn buy(
    file: PathBuf,
    #[param(default = Basket::default())] basket: Basket,
    /// How long to wait for an answer
    #[param(default = Duration::from_secs(90))]
    patience: Duration,
) -> Result<usize> {
    load(1, file).await?;
    Ok(basket.items.len() + patience.as_secs() as usize)
}

/// Can be neither read nor written.
#[derive(Clone, Debug)]
struct Till;

/// Cannot be run from a command line: a till cannot be written as text.
#[flow]
async fn pay(tills: Vec<Till>) -> usize {
    tills.len()
}

#[task]
async fn open() -> Till {
    Till
}

#[task]
async fn stock(tills: u32) -> u32 {
    tills
}

/// Opens tills, none of which can be persisted.
#[flow]
async fn restock(tills: u32) -> Result<usize> {
    let tills = stock(tills).await?;
    Ok(settle_all((0..tills).map(|_| open().submit())).await.len())
}

#[task]
async fn rate(of: f64) -> f64 {
    of / 0.0
}

/// Rates what cannot be rated; fails as long as a file is not there.
#[flow]
async fn appraise(file: PathBuf) -> Result<u32> {
    let rates = rate(1.0).await?;
    Ok(load(rates as u32, file).await?)
}

/// Leaves out of what is written what it wants to read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Login {
    user: String,
    #[serde(skip_serializing)]
    password: String,
}

/// Enters with a password that is not persisted; fails as long as a file is not there.
#[flow]
async fn enter(login: Login, rows: u32, file: PathBuf) -> Result<String> {
    load(rows, file).await?;
    Ok(format!("{}:{}", login.user, login.password))
}

flowkit::main!(buy, pay, restock, appraise, enter);
