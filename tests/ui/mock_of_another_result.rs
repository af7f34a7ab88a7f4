use flowkit::prelude::*;

#[task]
fn count(page: String) -> usize {
    page.len()
}

fn main() {
    let _mock = count::mock(|page| page);
    let _mock = count::mock(|page| async move { Ok(page.len()) });
}
