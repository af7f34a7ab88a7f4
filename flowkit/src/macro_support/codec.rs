//! What of a task can outlive the process: its result, and a flow's arguments. Found out by type, at compile time.
//!
//! Generic code knows of its type parameters only what its bounds say: a flow of a `T` keeps values of it if it says
//! `T: Serialize + DeserializeOwned`.

use std::any::{TypeId, type_name};
use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use crate::flow::arguments::{Arguments, Reader, read, words};
use crate::macro_support::Probe;
use crate::model::{BoxError, Codec, Same, Unreadable, digest};
use crate::task::args::Arg;
use crate::value::envelope;
use crate::value::envelope::{DecodeError, Fingerprint};
use crate::value::secret::is_masked;
use crate::value::shape::{Looked, Outline, looked_through, outline_of};

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
    let json = |value: &T| serde_json::to_string(value).ok();
    let describes_files = || known::<T>().looked.as_ref().is_some_and(|looked| looked.describes_files);
    Codec { encode: encode::<T>, decode: decode::<T>, json, describes_files, same: None }
}

/// Whether there is a reference in the name of a type. One in a field is not seen here, but when a value is written.
fn borrows<T>() -> bool {
    type_name::<T>().contains('&')
}

const ANOTHER_VALUE: &str = "what is written is read as another value";

fn encode<T: Serialize + Deserialize<'static> + 'static>(
    value: &T,
    version: Option<&str>,
    same: Option<Same<T>>,
) -> Result<Vec<u8>, BoxError> {
    let known = known::<T>();
    let looked = known.looked()?;
    let fingerprint = Fingerprint::new(looked.digest, version);
    let (bytes, is_whole) = envelope::encode_heard(value, fingerprint, looked.forms.as_ref())?;
    // The first value of a type is read back whatever it is: nobody relies on it yet.
    if !is_whole || !known.was_read.load(Ordering::Relaxed) {
        let read = envelope::decode::<T>(&bytes, fingerprint).map_err(|error| match error {
            DecodeError::Json { reason } => format!("what is written cannot be read: {reason}"),
            error => format!("what is written cannot be read: {error}"),
        })?;
        let again = || envelope::encode(&read, fingerprint).is_ok_and(|again| again == bytes);
        if !is_same(value, &read, same, again) {
            return Err(ANOTHER_VALUE.into());
        }
        known.was_read.store(true, Ordering::Relaxed);
    }
    Ok(bytes)
}

/// Whether a value was `read` back as it is: by `==` if it has that, or else by what both are written as.
fn is_same<T: Serialize>(
    value: &T,
    read: &T,
    same: Option<Same<T>>,
    is_written_so: impl FnOnce() -> bool,
) -> bool {
    // One that is not equal to itself, as NaN is not, has no `==` that would tell.
    match same.filter(|same| same(value, value)) {
        Some(same) => same(value, read),
        None => is_equal(value, read, is_written_so),
    }
}

/// Whether two values are written alike. `is_written_so` tells whether both are the same bytes; those of a set may differ.
pub(crate) fn is_equal<V: Serialize + ?Sized, R: Serialize>(
    value: &V,
    read: &R,
    is_written_so: impl FnOnce() -> bool,
) -> bool {
    is_written_so() || digest(value).is_ok_and(|own| digest(read).is_ok_and(|other| own == other))
}

fn decode<T: Deserialize<'static> + 'static>(bytes: &[u8], version: Option<&str>) -> Result<T, Unreadable> {
    let known = known::<T>();
    let digest = known.looked().map_err(Unreadable::Changed)?.digest;
    envelope::decode(bytes, Fingerprint::new(digest, version)).map_err(|error| match error.is_damage() {
        true => Unreadable::Damaged(error.into()),
        false => Unreadable::Changed(error.into()),
    })
}

/// The types of which values were written or read in this process.
static KNOWN: RwLock<BTreeMap<TypeId, Arc<Known>>> = RwLock::new(BTreeMap::new());

/// What was found out about a type.
struct Known {
    name: &'static str,
    /// `None` if its `Deserialize` panicked.
    looked: Option<Looked>,
    /// Whether a value of it was written and read back.
    was_read: AtomicBool,
}

impl Known {
    fn looked(&self) -> Result<&Looked, BoxError> {
        self.looked.as_ref().ok_or_else(|| format!("the `Deserialize` of `{}` panicked", self.name).into())
    }
}

fn known<T: Deserialize<'static> + 'static>() -> Arc<Known> {
    find_out(TypeId::of::<T>(), type_name::<T>(), looked_through::<T>)
}

fn find_out(id: TypeId, name: &'static str, look: fn() -> Looked) -> Arc<Known> {
    let known = KNOWN.read().get(&id).cloned();
    known.unwrap_or_else(|| {
        // Under no lock, since it runs code of the user. Two threads may do it at the same time, with equal results.
        let known =
            Arc::new(Known { name, looked: catch_unwind(look).ok(), was_read: AtomicBool::new(false) });
        Arc::clone(KNOWN.write().entry(id).or_insert(known))
    })
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
pub trait WrittenDown<T> {
    /// `None` if it is a handle, or of a type that is never written.
    fn write(&self, name: &str, proof: Option<Proof<T>>, arguments: &mut Arguments) -> Option<()>;

    /// The same by itself; `None` also if it refuses to be written.
    fn json(&self) -> Option<String>;
}

impl<T: Serialize> WrittenDown<T> for Probe<'_, Arg<T>> {
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
pub trait NotWrittenDown<T> {
    fn write(&self, _name: &str, _proof: Option<Proof<T>>, _arguments: &mut Arguments) -> Option<()> {
        None
    }

    fn json(&self) -> Option<String> {
        None
    }
}

impl<T> NotWrittenDown<T> for &Probe<'_, Arg<T>> {}

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
