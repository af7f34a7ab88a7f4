#![deny(unused_must_use)]
use flowkit::prelude::*;

#[task]
async fn alert(text: String) {
    println!("{text}");
}

#[flow]
async fn etl() {
    alert("no words".to_owned());
    alert::of("no words".to_owned());
}

fn main() {}
