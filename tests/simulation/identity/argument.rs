//! Arguments that all carry the same number, each in its own way (G2). Each is created anew for every call, as in a restarted
//! program: with another hasher, another address, another client.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::sync::Arc;

use flowkit::Secret;
use serde::{Deserialize, Serialize, Serializer};

use super::plan::Dress;

/// What carries a number to a body.
pub(crate) trait Dressed: Clone + Send + Sync + 'static {
    const DRESS: Dress;

    fn of(number: u64, tenant: u64) -> Self;

    /// The number and the tenant.
    fn content(&self) -> (u64, u64);
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Plain {
    number: u64,
    half: f64,
}

impl Dressed for Plain {
    const DRESS: Dress = Dress::Plain;

    fn of(number: u64, _: u64) -> Self {
        Self { number, half: number as f64 / 2.0 }
    }

    fn content(&self) -> (u64, u64) {
        (self.number, 0)
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Sets {
    groups: Vec<HashSet<u64>>,
}

impl Dressed for Sets {
    const DRESS: Dress = Dress::Sets;

    fn of(number: u64, _: u64) -> Self {
        Self { groups: vec![(10 * number..10 * number + 8).collect(), HashSet::new()] }
    }

    fn content(&self) -> (u64, u64) {
        (self.groups[0].iter().min().copied().unwrap_or_default() / 10, 0)
    }
}

/// As `serde_with` writes a map whose keys are not text.
#[derive(Clone, Debug, Deserialize)]
#[serde(from = "Vec<(u64, u64)>")]
pub(crate) struct Pairs(HashMap<u64, u64>);

impl Serialize for Pairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

impl From<Vec<(u64, u64)>> for Pairs {
    fn from(pairs: Vec<(u64, u64)>) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl Dressed for Pairs {
    const DRESS: Dress = Dress::Pairs;

    fn of(number: u64, _: u64) -> Self {
        Self((0..8).map(|key| (key, number)).collect())
    }

    fn content(&self) -> (u64, u64) {
        (self.0[&0], 0)
    }
}

impl Dressed for Arc<str> {
    const DRESS: Dress = Dress::Shared;

    fn of(number: u64, _: u64) -> Self {
        number.to_string().into()
    }

    fn content(&self) -> (u64, u64) {
        (self.parse().unwrap(), 0)
    }
}

impl Dressed for PathBuf {
    const DRESS: Dress = Dress::RawPath;

    fn of(number: u64, _: u64) -> Self {
        OsString::from_vec(vec![b'/', 0xff, u8::try_from(number).unwrap()]).into()
    }

    fn content(&self) -> (u64, u64) {
        (u64::from(self.as_os_str().as_bytes()[2]), 0)
    }
}

impl Dressed for Secret {
    const DRESS: Dress = Dress::Secret;

    fn of(number: u64, tenant: u64) -> Self {
        Self::new(format!("{number} {tenant}"))
    }

    fn content(&self) -> (u64, u64) {
        let (number, tenant) = self.expose().split_once(' ').unwrap();
        (number.parse().unwrap(), tenant.parse().unwrap())
    }
}

/// As a client or a pool: no two of them are alike.
#[derive(Clone, Debug)]
pub(crate) struct Client(#[allow(dead_code, reason = "what a task does with it is not the matter")] Arc<u64>);

impl Client {
    pub(crate) fn connect() -> Self {
        Self(Arc::new(0))
    }
}

#[derive(Clone, Debug)]
pub(crate) struct NoSerde(u64);

impl Dressed for NoSerde {
    const DRESS: Dress = Dress::NoSerde;

    fn of(number: u64, _: u64) -> Self {
        Self(number)
    }

    fn content(&self) -> (u64, u64) {
        (self.0, 0)
    }
}

#[derive(Clone)]
pub(crate) struct Closure(Arc<dyn Fn() -> u64 + Send + Sync>);

impl Dressed for Closure {
    const DRESS: Dress = Dress::Closure;

    fn of(number: u64, _: u64) -> Self {
        Self(Arc::new(move || number))
    }

    fn content(&self) -> (u64, u64) {
        ((self.0)(), 0)
    }
}

/// Nested deeper than a digest goes: 128.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Deep {
    End(u64),
    Next(Box<Self>),
}

impl Dressed for Deep {
    const DRESS: Dress = Dress::Deep;

    fn of(number: u64, _: u64) -> Self {
        (0..140).fold(Self::End(number), |inner, _| Self::Next(Box::new(inner)))
    }

    fn content(&self) -> (u64, u64) {
        let mut inner = self;
        loop {
            match inner {
                Self::End(number) => return (*number, 0),
                Self::Next(next) => inner = next,
            }
        }
    }
}
