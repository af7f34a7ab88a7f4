//! `idempotency`: what holds across processes.

use super::Example;

#[test]
fn a_second_process_asks_for_no_price_and_pays_its_own_bill() {
    let example = Example::new("idempotency");
    let [first, second] = [(); 2].map(|()| example.run(&["run", "idempotency"]).well().stdout);
    assert!(first.contains("three times the price: 1 question"), "{first}");
    assert!(second.contains("three times the price: 0 question"), "{second}");
    assert!(second.contains("invoice 1, 1 payment"), "{second}");
}
