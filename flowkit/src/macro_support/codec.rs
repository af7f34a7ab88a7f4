//! Whether a result, or the arguments of a flow, can outlive the process: asked of each type at compile time, by [`probe!`].
//! Does not write or read them; `value/persist.rs` and `flow/arguments.rs` do.
//!
//! Generic code knows of its type parameters only what its bounds say: a flow over `T` persists values of it if it says
//! `T: Serialize + DeserializeOwned`.

use std::any::type_name;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::flow::arguments::{Arguments, Reader, read, words};
use crate::macro_support::probe::{Probe, probe};
use crate::model::{BoxError, Codec};
use crate::task::args::Arg;
use crate::value::codec::Same;
use crate::value::envelope;
use crate::value::json::Json;
use crate::value::persist::{ANOTHER_VALUE, codec, is_same};
use crate::value::secret::is_masked;
use crate::value::shape::{ParamType, param_type_of};

// `DeserializeOwned` would be an error for a `Vec<&'static str>`, see `from_json`.
probe! {
    /// Returns how results of a type are written and read; `None` if they cannot be persisted.
    Persisted, else NotPersisted: <T> Probe<'_, PhantomData<T>> where [Serialize + Deserialize<'static> + 'static];
    fn codec(&self) -> Option<Codec<T>> { (!borrows::<T>()).then(codec) } else { None }
}

/// Whether the name of a type has a reference in it. One in a field is not seen here, but when a value is written.
fn borrows<T>() -> bool {
    type_name::<T>().contains('&')
}

probe! {
    /// Returns the equality of a type, if it has one.
    Compared, else NotCompared: <T> Probe<'_, PhantomData<T>> where [PartialEq];
    fn same(&self) -> Option<fn(&T, &T) -> bool> { Some(T::eq) } else { None }
}

probe! {
    /// Returns the check that an argument reads back unchanged; `None` if it cannot be read at all.
    Proved, else NotProved: <T> Probe<'_, PhantomData<T>> where [Serialize + Deserialize<'static>];
    fn proof(&self) -> Option<Proof<T>> {
        (!borrows::<T>()).then_some(Proof { read_back: read_back::<T>, same: None })
    } else { None }
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

fn read_back<T: Serialize + Deserialize<'static>>(
    proof: &Proof<T>,
    value: &T,
    name: &str,
    json: &str,
) -> Result<(), BoxError> {
    let read = match envelope::from_json::<T>(json.as_bytes()) {
        Ok(read) => read,
        // A masked secret is never read back; `resume` asks for the secret anyway.
        Err(_) if Json::recorded(json).is_some_and(|json| is_masked(&json)) => return Ok(()),
        Err(error) => {
            return Err(format!("what is written cannot be read: {}", words::<T>(name, &error)).into());
        }
    };
    let again = || envelope::to_json(&read).is_ok_and(|again| again == json);
    if is_same(value, &read, proof.same, again) { Ok(()) } else { Err(ANOTHER_VALUE.into()) }
}

probe! {
    /// Serializes an argument.
    SerializedArgument, else NotSerializedArgument: <T> Probe<'_, Arg<T>> where [Serialize];
    /// Adds it to the arguments; `None` if it is a handle, or of a type that is never written.
    fn write(&self, name: &str, proof: Option<Proof<T>>, arguments: &mut Arguments) -> Option<()> {
        let Arg::Value(value) = self.0 else { return None };
        let json = envelope::to_json(value).map_err(BoxError::from).and_then(|json| {
            proof.map_or(Ok(()), |proof| (proof.read_back)(&proof, value, name, &json))?;
            Ok(json)
        });
        arguments.add(name, json)
    } else { None }
    /// Returns its JSON; `None` also if it refuses to be written.
    fn json(&self) -> Option<String> {
        match self.0 {
            Arg::Value(value) => envelope::to_json(value).ok(),
            Arg::Input(_) => None,
        }
    } else { None }
}

probe! {
    /// Whether arguments of a type can be written, asked before there is one.
    Writable, else NotWritable: <T> Probe<'_, PhantomData<T>> where [Serialize];
    fn is_written(&self) -> bool { true } else { false }
}

probe! {
    /// Returns how an argument is read, if it can be.
    ReadBack, else NotReadBack: <T> Probe<'_, PhantomData<T>> where [Deserialize<'static>];
    fn reader(&self) -> Option<Reader<T>> { (!borrows::<T>()).then_some(read::<T>) } else { None }
    /// Returns what describes its type.
    fn param_type(&self) -> Option<fn() -> ParamType> { (!borrows::<T>()).then_some(param_type_of::<T>) } else { None }
}

#[cfg(test)]
mod tests;
