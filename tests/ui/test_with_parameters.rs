#[flowkit::test]
async fn counts(page: String) {
    assert_eq!(page, "");
}

fn main() {}
