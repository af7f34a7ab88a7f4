//! What of a task can outlive the process: its result, and a flow's arguments. Found out by type, at compile time.
//!
//! Generic code knows of its type parameters only what its bounds say: a flow of a `T` keeps values of it if it says
//! `T: Serialize + DeserializeOwned`.

use std::any::{TypeId, type_name};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::panic::catch_unwind;

use parking_lot::RwLock;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::__private::Probe;
use crate::args::Arg;
use crate::given::{Arguments, Reader, read};
use crate::model::envelope::{self, Fingerprint};
use crate::model::shape::shape_of;
use crate::model::{BoxError, Codec, Digest};

/// Gives how results of a type are written and read.
pub trait Kept<T> {
    fn codec(&self) -> Option<Codec<T>>;
}

impl<T: Serialize + DeserializeOwned + 'static> Kept<T> for Probe<'_, PhantomData<T>> {
    fn codec(&self) -> Option<Codec<T>> {
        Some(Codec { encode: encode::<T>, decode: decode::<T> })
    }
}

/// What borrows for ever is `Deserialize`, and the search for a method takes it for `DeserializeOwned`. A method of the type
/// itself comes before both traits.
impl<T: ?Sized> Probe<'_, PhantomData<&'static T>> {
    pub fn codec(&self) -> Option<Codec<&'static T>> {
        None
    }

    pub fn reader(&self) -> Option<Reader<&'static T>> {
        None
    }
}

/// Says that results of a type cannot be kept.
pub trait NotKept<T> {
    fn codec(&self) -> Option<Codec<T>> {
        None
    }
}

impl<T> NotKept<T> for &Probe<'_, PhantomData<T>> {}

fn encode<T: Serialize + DeserializeOwned + 'static>(
    value: &T,
    version: Option<&str>,
) -> Result<Vec<u8>, BoxError> {
    Ok(envelope::encode(value, fingerprint::<T>(version)?)?)
}

fn decode<T: DeserializeOwned + 'static>(bytes: &[u8], version: Option<&str>) -> Result<T, BoxError> {
    Ok(envelope::decode(bytes, fingerprint::<T>(version)?)?)
}

fn fingerprint<T: DeserializeOwned + 'static>(version: Option<&str>) -> Result<Fingerprint, BoxError> {
    match shape(TypeId::of::<T>(), shape_of::<T>) {
        Some(shape) => Ok(Fingerprint::new(shape, version)),
        None => {
            Err(format!("the value cannot be kept: the `Deserialize` of `{}` panicked", type_name::<T>())
                .into())
        }
    }
}

/// Returns the shape of a type, which is found out once in a process; `None` if its `Deserialize` panicked.
fn shape(id: TypeId, find_out: fn() -> Digest) -> Option<Digest> {
    static KNOWN: RwLock<BTreeMap<TypeId, Option<Digest>>> = RwLock::new(BTreeMap::new());
    let known = KNOWN.read().get(&id).copied();
    known.unwrap_or_else(|| {
        // Under no lock, since it runs code of the user. Two threads may do it at the same time, with equal results.
        let shape = catch_unwind(find_out).ok();
        KNOWN.write().insert(id, shape);
        shape
    })
}

/// Writes an argument down.
pub trait WrittenDown {
    /// `None` if it is a handle, or refuses to be written.
    fn write(&self, name: &str, arguments: &mut Arguments) -> Option<()>;
}

impl<T: Serialize> WrittenDown for Probe<'_, Arg<T>> {
    fn write(&self, name: &str, arguments: &mut Arguments) -> Option<()> {
        match self.0 {
            Arg::Value(value) => arguments.add(name, value),
            Arg::Input(_) => None,
        }
    }
}

/// Writes nothing down.
pub trait NotWrittenDown {
    fn write(&self, _name: &str, _arguments: &mut Arguments) -> Option<()> {
        None
    }
}

impl<T> NotWrittenDown for &Probe<'_, Arg<T>> {}

/// Gives how an argument is read.
pub trait ReadBack<T> {
    fn reader(&self) -> Option<Reader<T>>;
}

impl<T: DeserializeOwned> ReadBack<T> for Probe<'_, PhantomData<T>> {
    fn reader(&self) -> Option<Reader<T>> {
        Some(read::<T>)
    }
}

/// Says that an argument cannot be read.
pub trait NotReadBack<T> {
    fn reader(&self) -> Option<Reader<T>> {
        None
    }
}

impl<T> NotReadBack<T> for &Probe<'_, PhantomData<T>> {}

#[cfg(all(test, feature = "macros"))]
mod tests;
