use flowkit::prelude::*;

struct Table {
    rows: usize,
}

impl Table {
    #[task]
    async fn load(rows: usize) -> Self {
        Self { rows }
    }

    #[task]
    fn count(rows: usize) -> usize {
        let table = Self { rows };
        table.rows
    }
}

// A `Self` of its own.
#[task]
fn loaded() -> usize {
    struct Page(Option<Box<Self>>);
    impl Page {
        fn new() -> Self {
            Self(None)
        }
    }
    usize::from(Page::new().0.is_some())
}

fn main() {
    let _ = (Table::load(1), Table::count(2), loaded());
}
