#![deny(unused_must_use)]
use flowkit::prelude::*;

#[flow]
async fn etl() {}

#[tokio::main]
async fn main() {
    etl();
    etl().run();
    etl().run().await;
}
