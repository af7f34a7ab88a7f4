//! What of a task can outlive the process: its result, and a flow's arguments. Found out by type, at compile time, by autoref
//! specialization, see [`Probe`].
//!
//! Generic code knows of its type parameters only what its bounds say: a flow of a `T` keeps values of it if it says
//! `T: Serialize + DeserializeOwned`.

use std::any::type_name;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

pub use super::rewritten::{NotRewritten, Rewritten};
pub use crate::flow::arguments::{Arguments, ProvidedArguments};
use crate::flow::arguments::{Reader, read, words};
use crate::macro_support::Probe;
use crate::model::{BoxError, Codec};
use crate::policy::cache::KeyInput;
use crate::task::args::Arg;
use crate::value::canonical::Sealing;
use crate::value::codec::Same;
use crate::value::envelope;
pub use crate::value::parameters::Parameter;
use crate::value::persist::{ANOTHER_VALUE, codec, is_same};
use crate::value::secret::is_masked;
use crate::value::shape::{ParamType, outline_of};

/// Gives how results of a type are written and read.
pub trait Persisted<T> {
    fn codec(&self) -> Option<Codec<T>>;
}

// `DeserializeOwned` would be an error for a `Vec<&'static str>`, see `from_json`.
impl<T: Serialize + Deserialize<'static> + 'static> Persisted<T> for Probe<'_, PhantomData<T>> {
    fn codec(&self) -> Option<Codec<T>> {
        (!borrows::<T>()).then(codec)
    }
}

/// Says that results of a type cannot be kept.
pub trait NotPersisted<T> {
    fn codec(&self) -> Option<Codec<T>> {
        None
    }
}

impl<T> NotPersisted<T> for &Probe<'_, PhantomData<T>> {}

/// Whether there is a reference in the name of a type. One in a field is not seen here, but when a value is written.
fn borrows<T>() -> bool {
    type_name::<T>().contains('&')
}

/// Tells values of a type apart that are `PartialEq`.
pub trait Compared<T> {
    fn same(&self) -> Option<fn(&T, &T) -> bool>;
}

impl<T: PartialEq> Compared<T> for Probe<'_, PhantomData<T>> {
    fn same(&self) -> Option<fn(&T, &T) -> bool> {
        Some(T::eq)
    }
}

/// Says that they are not.
pub trait NotCompared<T> {
    fn same(&self) -> Option<fn(&T, &T) -> bool> {
        None
    }
}

impl<T> NotCompared<T> for &Probe<'_, PhantomData<T>> {}

/// Gives what tells whether an argument that was written as JSON is read back as it was.
pub trait Proved<T> {
    fn proof(&self) -> Option<Proof<T>>;
}

/// Reads an argument back, and compares it with itself.
pub struct Proof<T> {
    read_back: fn(&Self, &T, name: &str, json: &str) -> Result<(), BoxError>,
    same: Option<Same<T>>,
}

impl<T> Proof<T> {
    /// With what tells whether two values of the type are equal.
    #[must_use]
    pub fn comparing(self, same: Option<fn(&T, &T) -> bool>) -> Self {
        Self { same, ..self }
    }
}

impl<T: Serialize + Deserialize<'static>> Proved<T> for Probe<'_, PhantomData<T>> {
    fn proof(&self) -> Option<Proof<T>> {
        (!borrows::<T>()).then_some(Proof { read_back: read_back::<T>, same: None })
    }
}

/// Says that it cannot be read at all.
pub trait NotProved<T> {
    fn proof(&self) -> Option<Proof<T>> {
        None
    }
}

impl<T> NotProved<T> for &Probe<'_, PhantomData<T>> {}

fn read_back<T: Serialize + Deserialize<'static>>(
    proof: &Proof<T>,
    value: &T,
    name: &str,
    json: &str,
) -> Result<(), BoxError> {
    let read = match envelope::from_json::<T>(json.as_bytes()) {
        Ok(read) => read,
        // What stands in the place of a secret is never read; the secret has to be given again anyway.
        Err(_) if serde_json::from_str(json).is_ok_and(|json| is_masked(&json)) => return Ok(()),
        Err(error) => {
            return Err(format!("what is written cannot be read: {}", words::<T>(name, &error)).into());
        }
    };
    let again = || envelope::to_json(&read).is_ok_and(|again| again == json);
    if is_same(value, &read, proof.same, again) { Ok(()) } else { Err(ANOTHER_VALUE.into()) }
}

/// Writes an argument down.
pub trait SerializedArgument<T> {
    /// `None` if it is a handle, or of a type that is never written.
    fn write(&self, name: &str, proof: Option<Proof<T>>, arguments: &mut Arguments) -> Option<()>;

    /// The same by itself; `None` also if it refuses to be written.
    fn json(&self) -> Option<String>;
}

impl<T: Serialize> SerializedArgument<T> for Probe<'_, Arg<T>> {
    fn write(&self, name: &str, proof: Option<Proof<T>>, arguments: &mut Arguments) -> Option<()> {
        let Arg::Value(value) = self.0 else { return None };
        let json = envelope::to_json(value).map_err(BoxError::from).and_then(|json| {
            proof.map_or(Ok(()), |proof| (proof.read_back)(&proof, value, name, &json))?;
            Ok(json)
        });
        arguments.add(name, json)
    }

    fn json(&self) -> Option<String> {
        match self.0 {
            Arg::Value(value) => envelope::to_json(value).ok(),
            Arg::Input(_) => None,
        }
    }
}

/// Writes nothing down.
pub trait NotSerializedArgument<T> {
    fn write(&self, _name: &str, _proof: Option<Proof<T>>, _arguments: &mut Arguments) -> Option<()> {
        None
    }

    fn json(&self) -> Option<String> {
        None
    }
}

impl<T> NotSerializedArgument<T> for &Probe<'_, Arg<T>> {}

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
    fn outline(&self) -> Option<fn() -> ParamType>;
}

impl<T: Deserialize<'static>> ReadBack<T> for Probe<'_, PhantomData<T>> {
    fn reader(&self) -> Option<Reader<T>> {
        (!borrows::<T>()).then_some(read::<T>)
    }

    fn outline(&self) -> Option<fn() -> ParamType> {
        (!borrows::<T>()).then_some(outline_of::<T>)
    }
}

/// Says that an argument cannot be read.
pub trait NotReadBack<T> {
    fn reader(&self) -> Option<Reader<T>> {
        None
    }

    fn outline(&self) -> Option<fn() -> ParamType> {
        None
    }
}

impl<T> NotReadBack<T> for &Probe<'_, PhantomData<T>> {}

/// Says what an argument is in the key of the cache, for people. Found out, not demanded: what the key itself demands is
/// said once, by [`rules`](crate::task::bounds).
pub trait InKey {
    fn key_input(&self, name: &str, sealing: Sealing<'_>) -> Option<KeyInput>;
}

impl<T: Serialize + ?Sized> InKey for Probe<'_, T> {
    fn key_input(&self, name: &str, sealing: Sealing<'_>) -> Option<KeyInput> {
        KeyInput::of(name, self.0, sealing)
    }
}

/// Says nothing.
pub trait NotInKey {
    fn key_input(&self, _name: &str, _sealing: Sealing<'_>) -> Option<KeyInput> {
        None
    }
}

impl<T: ?Sized> NotInKey for &Probe<'_, T> {}

#[cfg(test)]
mod tests;
