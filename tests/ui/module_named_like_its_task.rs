mod extract {
    use flowkit::prelude::*;

    #[task]
    pub fn extract(page: String) -> usize {
        page.len()
    }
}

use extract::extract;
use extract::extract as extract_page;

fn main() {
    let _ = (extract("a".to_owned()), extract_page("b".to_owned()), extract::extract("c".to_owned()));
}
