//! Adds an argument of any type to the key of its call, by its content if it has one: autoref specialization, see [`Probe`].
//! Does not digest the content; `value/canonical` does.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::engine::call_key::CallKey;
use crate::macro_support::Probe;
use crate::model::Digest;
use crate::task::args::{Arg, Lent};
use crate::value::canonical::{Domain, Encoder, digest_and_seal};

/// Adds an argument by its content.
pub trait KeyedArgument {
    /// Adds it.
    fn add_to(&self, key: &mut CallKey<'_>);
}

impl<T: Serialize> KeyedArgument for &&Probe<'_, Arg<T>> {
    fn add_to(&self, key: &mut CallKey<'_>) {
        key.add(self.0.content(), |visit| self.0.visit(visit), digest_and_seal);
    }
}

impl<U: Serialize + ?Sized> KeyedArgument for &&Probe<'_, Lent<'_, U>> {
    fn add_to(&self, key: &mut CallKey<'_>) {
        key.add(self.0.content(), |visit| self.0.visit(visit), digest_and_seal);
    }
}

/// Adds an argument whose type cannot be compared; a handle still can, by its call.
pub trait NotKeyed {
    /// Adds it.
    fn add_to(&self, key: &mut CallKey<'_>);
}

impl<T> NotKeyed for Probe<'_, Arg<T>> {
    fn add_to(&self, key: &mut CallKey<'_>) {
        key.add_unseen(self.0.content(), |visit| self.0.visit(visit));
    }
}

impl<U: ?Sized> NotKeyed for Probe<'_, Lent<'_, U>> {
    fn add_to(&self, key: &mut CallKey<'_>) {
        key.add_unseen(self.0.content(), |visit| self.0.visit(visit));
    }
}

/// Adds a name that the system gave, which need not be text: serde refuses a path that is not UTF-8.
pub trait KeyedByOs {
    /// Adds it.
    fn add_to(&self, key: &mut CallKey<'_>);
}

macro_rules! keyed_by_os {
    ($($held:ty),*) => { $(
        impl KeyedByOs for &Probe<'_, $held> {
            fn add_to(&self, key: &mut CallKey<'_>) {
                key.add(self.0.content(), |visit| self.0.visit(visit), |name, _| Ok((of_os(name.as_ref()), None)));
            }
        }
    )* };
}

keyed_by_os!(
    Arg<PathBuf>,
    Arg<OsString>,
    Lent<'_, Path>,
    Lent<'_, PathBuf>,
    Lent<'_, OsStr>,
    Lent<'_, OsString>
);

fn of_os(name: &OsStr) -> Digest {
    let mut encoder = Encoder::new(Domain::Value);
    match name.to_str() {
        Some(text) => encoder.text(text),
        None => encoder.bytes(name.as_encoded_bytes()),
    }
    encoder.finish()
}
