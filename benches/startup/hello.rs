//! A whole program of flowkit: one flow, one task. What its start costs is measured beside `plain.rs`.

use flowkit::prelude::*;

#[task]
async fn greet(name: String) -> String {
    format!("hello {name}")
}

/// Greets somebody.
#[flow]
async fn hello(#[param(default = "world")] name: String) -> Result<String> {
    Ok(greet(name).await?)
}

flowkit::main!(hello);
