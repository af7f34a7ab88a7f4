//! Secrets: masked in every digest, and told apart by a seal that nobody can make without the key.

use super::*;
use crate::Secret;
use crate::model::SealKey;
use crate::value::canonical::digest_and_seal;

const KEY: SealKey = SealKey::from_bytes([7; 32]);

fn seal<T: Serialize + ?Sized>(value: &T) -> Option<Digest> {
    digest_and_seal(value, Ok(&KEY)).unwrap().1
}

#[derive(Serialize)]
struct Login {
    user: &'static str,
    password: Secret,
}

fn login(password: &str) -> Login {
    Login { user: "ann", password: password.into() }
}

#[test]
fn equal_secrets_have_equal_seals_and_others_have_other_ones() {
    assert_eq!(seal(&login("abc")), seal(&login("abc")));
    let table = [
        seal(&login("abc")),
        seal(&login("abd")),
        seal(&login("***")),
        seal(&Secret::new("abc")),
        seal(&Some(Secret::new("abc"))),
        seal(&(Secret::new("abc"), "d")),
        seal(&vec![Secret::new("abc"), Secret::new("d")]),
        seal(&vec![Secret::new("d"), Secret::new("abc")]),
    ];
    for (index, seal) in table.iter().enumerate() {
        assert!(seal.is_some() && !table[..index].contains(seal), "seal {index} is not new");
    }
    assert_eq!(seal(&("abc", 1)), None, "without secrets there is nothing to seal");
    let another = SealKey::from_bytes([8; 32]);
    let other = digest_and_seal(&login("abc"), Ok(&another)).unwrap().1;
    assert_ne!(seal(&login("abc")), other, "a seal says nothing to those who lack the key");
}

#[test]
fn a_digest_knows_no_secret() {
    assert_eq!(of(&login("abc")), of(&login("abd")));
    assert_eq!(digest_and_seal(&login("abc"), Ok(&KEY)).unwrap().0, of(&login("abd")));
    let missing = digest_and_seal(&login("abc"), Err("runs.db.key".as_ref())).unwrap_err().to_string();
    assert!(missing.starts_with("`runs.db.key` is missing"), "{missing}");
    assert_eq!(digest_and_seal("abc", Err("runs.db.key".as_ref())), Ok((of("abc"), None)));
}

#[test]
fn secrets_in_maps_have_no_order() {
    let make = || (0..20).map(|n| (n, Secret::new(n.to_string()))).collect::<HashMap<_, _>>();
    let swapped: HashMap<_, _> = (0..20).map(|n| (n, Secret::new((19 - n).to_string()))).collect();
    for _ in 0..4 {
        assert_eq!(seal(&make()), seal(&make()));
    }
    assert_ne!(seal(&make()), seal(&swapped));
}

#[test]
fn every_other_serializer_gets_the_mask_even_inside_of_a_seal() {
    /// Writes its secret down in a way of its own, as JSON in a text.
    struct Careless(Secret, std::cell::RefCell<Vec<String>>);
    impl Serialize for Careless {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let json = serde_json::to_string(&self.0).unwrap();
            self.1.borrow_mut().push(json.clone());
            (json, &self.0).serialize(serializer)
        }
    }
    let careless = Careless(Secret::new("canary"), Default::default());
    assert!(seal(&careless).is_some());
    assert_eq!(*careless.1.borrow(), ["\"***\"", "\"***\""]);
}

#[test]
fn a_secret_that_serde_hides_in_a_buffer_makes_the_value_incomparable() {
    #[derive(Serialize)]
    #[serde(tag = "kind")]
    enum Outer {
        Inner(Inner),
    }
    #[derive(Serialize)]
    enum Inner {
        Login { password: Secret },
    }
    let value = Outer::Inner(Inner::Login { password: Secret::new("abc") });
    let error = digest_and_seal(&value, Ok(&KEY)).unwrap_err().to_string();
    assert!(error.contains("masked before flowkit can see it"), "{error}");
}
