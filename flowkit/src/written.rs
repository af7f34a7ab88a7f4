//! What of a task can outlive the process: its result, and a flow's arguments. Found out by type, at compile time.
//!
//! Generic code knows of its type parameters only what its bounds say: a flow of a `T` keeps values of it if it says
//! `T: Serialize + DeserializeOwned`.

use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::__private::Probe;
use crate::args::Arg;
use crate::given::{Arguments, Reader, read};
use crate::model::{BoxError, Codec};

/// Gives how results of a type are written and read.
pub trait Kept<T> {
    fn codec(&self) -> Option<Codec<T>>;
}

impl<T: Serialize + DeserializeOwned> Kept<T> for Probe<'_, PhantomData<T>> {
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

fn encode<T: Serialize>(value: &T, _version: Option<&str>) -> Result<Vec<u8>, BoxError> {
    Ok(serde_json::to_vec(value)?)
}

fn decode<T: DeserializeOwned>(bytes: &[u8], _version: Option<&str>) -> Result<T, BoxError> {
    Ok(serde_json::from_slice(bytes)?)
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
