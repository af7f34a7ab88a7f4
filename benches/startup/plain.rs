//! The same work without flowkit, and one row in SQLite that is on the disk when it prints: `plain <database> <name>`.
//!
//! The pragmas are those of flowkit's store. There is no tokio, no command line and no record.

use std::error::Error;

use rusqlite::Connection;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let database = arguments.next().ok_or("name a database")?;
    let greeting = format!("hello {}", arguments.next().ok_or("name somebody")?);
    let connection = Connection::open(database)?;
    connection.query_row("PRAGMA journal_mode = wal", [], |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "full")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.execute_batch(
        "CREATE TABLE IF NOT EXISTS greetings (no INTEGER PRIMARY KEY, text TEXT NOT NULL) STRICT",
    )?;
    connection.execute("INSERT INTO greetings (text) VALUES (?1)", [&greeting])?;
    println!("{greeting}");
    Ok(())
}
