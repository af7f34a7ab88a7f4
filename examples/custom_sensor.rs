//! What you learn: a sensor is a loop that looks, and sleeps while there is nothing to see. It holds no slot of any limit while
//! it sleeps, so a thousand sensors cost nothing. (For files there is `wait_for_file`.)
//!
//! cargo run --example custom_sensor
//!
//! ```text
//! monday: 3 rows, at the 4th look
//! tuesday: task `arrival of tuesday` timed out: it was still running after 2s
//! both were looked for at the same time, through one connection
//! ```

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use flowkit::prelude::*;

/// Waits until `look` sees something. Any check becomes a sensor with it.
async fn until<T>(every: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    loop {
        match look() {
            Some(seen) => return seen,
            None => sleep(every).await,
        }
    }
}

/// A table that is filled by another program, which takes its time, and does not work on Tuesdays.
#[derive(Default)]
struct Warehouse {
    looks: AtomicU32,
}

impl Warehouse {
    fn rows_of(&self, day: &str) -> Option<u32> {
        (day == "monday" && self.looks.fetch_add(1, Ordering::Relaxed) == 3).then_some(3)
    }
}

/// Waits for the rows of a day. The timeout says for how long.
#[task(run_name = "arrival of {day}", concurrency = "connections", timeout = "2s", ignore(warehouse))]
async fn arrival(day: String, warehouse: Arc<Warehouse>) -> u32 {
    until(Duration::from_millis(20), || warehouse.rows_of(&day)).await
}

#[flow]
async fn daily(warehouse: Arc<Warehouse>) -> Result<()> {
    let [monday, tuesday] = ["monday", "tuesday"].map(|day| arrival(day.into(), warehouse.clone()).submit());
    let rows = (&monday).await?;
    println!("monday: {rows} rows, at the {}th look", warehouse.looks.load(Ordering::Relaxed));
    if let Err(error) = (&tuesday).await {
        println!("tuesday: {error}");
    }
    let [begun, ended] =
        [tuesday.task_run().map(|run| run.started_at), monday.task_run().map(|run| run.ended_at)];
    if begun < ended {
        println!("both were looked for at the same time, through one connection");
    }
    Ok(())
}

#[tokio::main]
async fn main() -> Result<()> {
    flowkit::limits::set("connections", 1);
    Ok(daily(Arc::default()).await?)
}
