//! What you learn: a flow called in a flow is one node there, and also its own run, with its own timeout and retries.
//!
//! cargo run --example subflows
//!
//! ```text
//! region 2 is left out: flow `region` failed
//!   caused by: task `orders` failed: no region `east`
//! region[0]: Completed
//! region[1]: Completed
//! region[2]: Failed
//! total: 400
//! ```
//!
//! Meanwhile, on standard error:
//!
//! ```text
//! start   report               run=9vm300h
//! start   region[2]            run=t8hbzxj
//! FAIL    region[2] › orders   0.000048s error="no region `east`" at=examples/subflows.rs:52
//! FAIL    region[2]            0.000188s error="task `orders` failed: no region `east`" at=examples/subflows.rs:59
//! start   region[0]            run=fr5spzn
//! ok      region[0] › orders   0.000012s
//! ok      region[0] › total    0.000013s
//! ok      region[0]            0.000134s
//! start   region[1]            run=adbp5dv
//! ok      region[1] › orders   0.000012s
//! ok      region[1] › total    0.000011s
//! ok      region[1]            0.000127s
//! failure region[2] › orders   error="no region `east`" at=examples/subflows.rs:52
//! FINISHED  report  0.001s  1 failure  5 tasks: 4 ran 1 failed
//! ```

use flowkit::prelude::*;

#[task]
async fn orders(region: &str) -> Result<Vec<u32>, String> {
    match region {
        "north" => Ok(vec![120, 80]),
        "south" => Ok(vec![200]),
        _ => Err(format!("no region `{region}`")),
    }
}

#[task]
async fn total(orders: &[u32]) -> u32 {
    orders.iter().sum()
}

/// Adds up the orders of one region.
#[flow(timeout = "1m")]
async fn region(name: String) -> Result<u32> {
    let orders = orders(&name).await?;
    Ok(total(&orders).await?)
}

/// Adds up all regions, and counts one that cannot be read as zero.
#[flow]
async fn report(names: Vec<String>) -> Result<u32> {
    let regions = region::map(names); // sub-flows run in parallel, as tasks do
    let mut sum = 0;
    for (position, total) in settle_all(regions.list().await?.to_vec()).await.into_iter().enumerate() {
        match total {
            Ok(total) => sum += total,
            Err(error) => println!("region {position} is left out: {error:?}"),
        }
    }
    Ok(sum)
}

#[tokio::main]
async fn main() -> Result<()> {
    flowkit::observe(flowkit::terminal::lines());
    let run = report(["north", "south", "east"].map(String::from).into()).run().await;
    for node in run.task_runs() {
        println!("{}: {}", node.label(), node.state);
    }
    println!("total: {}", run.into_result()?);
    Ok(())
}
