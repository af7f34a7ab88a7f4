#[flowkit::test(sed = 7)]
async fn counts() {}

fn main() {}
