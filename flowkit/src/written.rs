//! What of a task can outlive the process: its result, and a flow's arguments. Found out by type, at compile time.
//!
//! Generic code knows of its type parameters only what its bounds say: a flow of a `T` keeps values of it if it says
//! `T: Serialize + DeserializeOwned`.

use std::any::{TypeId, type_name};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::panic::catch_unwind;

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::__private::Probe;
use crate::args::Arg;
use crate::given::{Arguments, Reader, read};
use crate::model::envelope::{self, Fingerprint};
use crate::model::shape::{Outline, outline_of, shape_of};
use crate::model::{BoxError, Codec, Digest, Unreadable};

/// Gives how results of a type are written and read.
pub trait Kept<T> {
    fn codec(&self) -> Option<Codec<T>>;
}

// `DeserializeOwned` would be an error for a `Vec<&'static str>`, see `from_json`.
impl<T: Serialize + Deserialize<'static> + 'static> Kept<T> for Probe<'_, PhantomData<T>> {
    fn codec(&self) -> Option<Codec<T>> {
        (!borrows::<T>()).then(codec)
    }
}

/// Says that results of a type cannot be kept.
pub trait NotKept<T> {
    fn codec(&self) -> Option<Codec<T>> {
        None
    }
}

impl<T> NotKept<T> for &Probe<'_, PhantomData<T>> {}

/// Gives how values of a type are written and read of which it is known that they can be.
pub(crate) fn codec<T: Serialize + Deserialize<'static> + 'static>() -> Codec<T> {
    Codec { encode: encode::<T>, decode: decode::<T>, json: |value| serde_json::to_string(value).ok() }
}

/// Whether there is a reference in the name of a type. One in a field is not seen here, but when a value is written.
fn borrows<T>() -> bool {
    type_name::<T>().contains('&')
}

fn encode<T: Serialize + Deserialize<'static> + 'static>(
    value: &T,
    version: Option<&str>,
) -> Result<Vec<u8>, BoxError> {
    let known = known::<T>();
    let fingerprint = Fingerprint::new(known.shape()?, version);
    let bytes = envelope::encode(value, fingerprint)?;
    if !known.was_read {
        // The first value of a type is the proof that it can be read: nobody relies on it yet.
        envelope::decode::<T>(&bytes, fingerprint)
            .map_err(|error| format!("the value cannot be kept: what is written cannot be read: {error}"))?;
        KNOWN.write().insert(TypeId::of::<T>(), Known { was_read: true, ..known });
    }
    Ok(bytes)
}

fn decode<T: Deserialize<'static> + 'static>(bytes: &[u8], version: Option<&str>) -> Result<T, Unreadable> {
    let shape = known::<T>().shape().map_err(Unreadable::Changed)?;
    envelope::decode(bytes, Fingerprint::new(shape, version)).map_err(|error| match error.is_damage() {
        true => Unreadable::Damaged(error.into()),
        false => Unreadable::Changed(error.into()),
    })
}

/// The types of which values were written or read in this process.
static KNOWN: RwLock<BTreeMap<TypeId, Known>> = RwLock::new(BTreeMap::new());

/// What was found out about a type.
#[derive(Clone, Copy)]
struct Known {
    name: &'static str,
    /// `None` if its `Deserialize` panicked.
    shape: Option<Digest>,
    /// Whether a value of it was written and read back.
    was_read: bool,
}

impl Known {
    fn shape(&self) -> Result<Digest, BoxError> {
        let panicked = || format!("the value cannot be kept: the `Deserialize` of `{}` panicked", self.name);
        self.shape.ok_or_else(|| panicked().into())
    }
}

fn known<T: Deserialize<'static> + 'static>() -> Known {
    find_out(TypeId::of::<T>(), type_name::<T>(), shape_of::<T>)
}

fn find_out(id: TypeId, name: &'static str, shape: fn() -> Digest) -> Known {
    let known = KNOWN.read().get(&id).copied();
    known.unwrap_or_else(|| {
        // Under no lock, since it runs code of the user. Two threads may do it at the same time, with equal results.
        let known = Known { name, shape: catch_unwind(shape).ok(), was_read: false };
        KNOWN.write().insert(id, known);
        known
    })
}

/// Writes an argument down.
pub trait WrittenDown {
    /// `None` if it is a handle, or refuses to be written.
    fn write(&self, name: &str, arguments: &mut Arguments) -> Option<()>;

    /// The same by itself.
    fn json(&self) -> Option<String>;
}

impl<T: Serialize> WrittenDown for Probe<'_, Arg<T>> {
    fn write(&self, name: &str, arguments: &mut Arguments) -> Option<()> {
        match self.0 {
            Arg::Value(value) => arguments.add(name, value),
            Arg::Input(_) => None,
        }
    }

    fn json(&self) -> Option<String> {
        match self.0 {
            Arg::Value(value) => envelope::to_json(value).ok(),
            Arg::Input(_) => None,
        }
    }
}

/// Writes nothing down.
pub trait NotWrittenDown {
    fn write(&self, _name: &str, _arguments: &mut Arguments) -> Option<()> {
        None
    }

    fn json(&self) -> Option<String> {
        None
    }
}

impl<T> NotWrittenDown for &Probe<'_, Arg<T>> {}

/// Says whether arguments of a type can be written down, before there is one.
pub trait Writable {
    fn is_written(&self) -> bool;
}

impl<T: Serialize> Writable for Probe<'_, PhantomData<T>> {
    fn is_written(&self) -> bool {
        true
    }
}

/// Says that they cannot.
pub trait NotWritable {
    fn is_written(&self) -> bool {
        false
    }
}

impl<T> NotWritable for &Probe<'_, PhantomData<T>> {}

/// Gives how an argument is read.
pub trait ReadBack<T> {
    fn reader(&self) -> Option<Reader<T>>;

    /// Gives what finds out how it looks.
    fn outline(&self) -> Option<fn() -> Outline>;
}

impl<T: Deserialize<'static>> ReadBack<T> for Probe<'_, PhantomData<T>> {
    fn reader(&self) -> Option<Reader<T>> {
        (!borrows::<T>()).then_some(read::<T>)
    }

    fn outline(&self) -> Option<fn() -> Outline> {
        (!borrows::<T>()).then_some(outline_of::<T>)
    }
}

/// Says that an argument cannot be read.
pub trait NotReadBack<T> {
    fn reader(&self) -> Option<Reader<T>> {
        None
    }

    fn outline(&self) -> Option<fn() -> Outline> {
        None
    }
}

impl<T> NotReadBack<T> for &Probe<'_, PhantomData<T>> {}

#[cfg(test)]
#[cfg(feature = "macros")]
mod tests;
