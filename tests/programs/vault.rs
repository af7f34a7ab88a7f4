//! A program that takes secrets wherever one can be, and shows everything it has wherever it can.
#![forbid(unsafe_code)]
#![allow(missing_docs, reason = "no library")]

use std::collections::BTreeMap;

use flowkit::prelude::*;
use flowkit::{Secret, artifact};
use serde::{Deserialize, Serialize};

/// How the flow ends.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum How {
    Well,
    Fail,
    Panic,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
enum Login {
    Token(Secret),
    Basic { user: String, password: Secret },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Nobody,
    Token { token: Secret },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum Either {
    Port(u16),
    Keyed { key: Secret },
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Inner {
    key: Secret,
    retries: Option<u8>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Flat {
    name: String,
    #[serde(flatten)]
    inner: Inner,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Nested {
    name: String,
    inner: Inner,
}

/// All of it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Treasure {
    plain: Secret,
    maybe: Option<Secret>,
    list: Vec<Secret>,
    map: BTreeMap<String, Secret>,
    pair: (String, Secret),
    login: Login,
    tagged: Tagged,
    either: Either,
    flat: Flat,
    nested: Nested,
}

impl Treasure {
    /// How many bytes of secrets there are, so that the test sees that all have arrived.
    fn bytes(&self) -> usize {
        let of_login = match &self.login {
            Login::Token(token) => token,
            Login::Basic { password, .. } => password,
        };
        let of_tagged = match &self.tagged {
            Tagged::Nobody => None,
            Tagged::Token { token } => Some(token),
        };
        let of_either = match &self.either {
            Either::Port(_) => None,
            Either::Keyed { key } => Some(key),
        };
        let mut all = vec![&self.plain, &self.pair.1, of_login, &self.flat.inner.key, &self.nested.inner.key];
        all.extend(
            self.maybe.iter().chain(&self.list).chain(self.map.values()).chain(of_tagged).chain(of_either),
        );
        all.iter().map(|secret| secret.expose().len()).sum()
    }
}

#[task(run_name = "count with {plain}", cache = "inputs")]
async fn count(plain: Secret, treasure: Treasure) -> usize {
    println!("prints {plain}");
    show(&treasure);
    treasure.bytes()
}

fn show(treasure: &Treasure) {
    println!("prints {treasure:?}");
    tracing::info!(?treasure, "has {treasure:?}");
    artifact::markdown("treasure", format!("{treasure:#?}"));
}

#[task(retries = 1)]
async fn finish(how: How, treasure: Treasure) -> Result<usize> {
    show(&treasure);
    match how {
        How::Well => Ok(treasure.bytes()),
        How::Fail => Err(format!("cannot use {treasure:?}").into()),
        How::Panic => panic!("broke over {treasure:?}"),
    }
}

/// Counts what it is given.
#[flow]
#[allow(clippy::too_many_arguments, reason = "one for each place in which a secret can stand")]
async fn open(
    plain: Secret,
    maybe: Option<Secret>,
    list: Vec<Secret>,
    map: BTreeMap<String, Secret>,
    pair: (String, Secret),
    login: Login,
    tagged: Tagged,
    either: Either,
    flat: Flat,
    nested: Nested,
    #[param(default = How::Well)] how: How,
    #[param(default = 1)] rows: u32,
) -> Result<usize> {
    let treasure =
        Treasure { plain: plain.clone(), maybe, list, map, pair, login, tagged, either, flat, nested };
    let bytes = count(plain, treasure.clone()).await?;
    Ok(finish(how, treasure).await?.max(bytes) * rows as usize)
}

/// The same of what cannot be recorded.
#[derive(Clone, Debug, Deserialize)]
struct Unwritten {
    user: String,
    token: Secret,
}

/// Has no record, so that messages about its arguments can only repeat what was typed.
#[flow]
async fn unkept(account: Unwritten, map: BTreeMap<String, Secret>) -> usize {
    account.user.len() + account.token.expose().len() + map.len()
}

/// Takes a secret whose type does not say so.
#[flow]
async fn named(password: String, api_keys: Vec<String>, user: String) -> usize {
    password.len() + api_keys.len() + user.len()
}

flowkit::main!(open, unkept, named);
