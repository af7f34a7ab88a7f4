use flowkit::prelude::*;

struct Store;

impl Store {
    #[task]
    async fn load(&self, id: u32) -> u32 {
        id
    }
}

fn main() {}
