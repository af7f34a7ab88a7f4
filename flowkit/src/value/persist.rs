//! How a value outlives its process: it is serialized into an envelope, read back, and compared with the original.

use std::any::{TypeId, type_name};
use std::collections::BTreeMap;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use serde::{Deserialize, Serialize};

use super::BoxError;
use super::canonical::digest;
use super::codec::{Codec, Same, Unreadable};
use super::envelope::{self, DecodeError, Fingerprint};
use super::shape::{TypeShape, type_shape};

/// Returns the codec of a type that is known to be serializable.
pub(crate) fn codec<T: Serialize + Deserialize<'static> + 'static>() -> Codec<T> {
    let json = |value: &T| envelope::to_json(value).ok();
    let describes_files = || known::<T>().shape.as_ref().is_some_and(|shape| shape.describes_files);
    Codec { encode: encode::<T>, decode: decode::<T>, json, describes_files, same: None }
}

pub(crate) const ANOTHER_VALUE: &str = "what is written is read as another value";

fn encode<T: Serialize + Deserialize<'static> + 'static>(
    value: &T,
    version: Option<&str>,
    same: Option<Same<T>>,
) -> Result<Vec<u8>, BoxError> {
    let known = known::<T>();
    let shape = known.shape()?;
    let fingerprint = Fingerprint::new(shape.digest, version);
    let (bytes, is_whole) = envelope::encode_noting(value, fingerprint, shape.forms.as_ref())?;
    // The first value of a type is always read back, before anything relies on it.
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

/// Whether a value was `read` back as it is: compared by `==` if the type has it, otherwise by the serialized forms.
pub(crate) fn is_same<T: Serialize>(
    value: &T,
    read: &T,
    same: Option<Same<T>>,
    is_written_so: impl FnOnce() -> bool,
) -> bool {
    // A value that is not equal to itself, such as NaN, cannot be compared by `==`.
    match same.filter(|same| same(value, value)) {
        Some(same) => same(value, read),
        None => is_equal(value, read, is_written_so),
    }
}

/// Whether the serialized forms of two values are equal. `is_written_so` compares the bytes, in which sets may differ.
pub(crate) fn is_equal<V: Serialize + ?Sized, R: Serialize>(
    value: &V,
    read: &R,
    is_written_so: impl FnOnce() -> bool,
) -> bool {
    is_written_so() || digest(value).is_ok_and(|own| digest(read).is_ok_and(|other| own == other))
}

fn decode<T: Deserialize<'static> + 'static>(bytes: &[u8], version: Option<&str>) -> Result<T, Unreadable> {
    let known = known::<T>();
    let digest = known.shape().map_err(Unreadable::Changed)?.digest;
    envelope::decode(bytes, Fingerprint::new(digest, version)).map_err(|error| {
        if error.is_damage() { Unreadable::Damaged(error.into()) } else { Unreadable::Changed(error.into()) }
    })
}

/// The types whose values were serialized or deserialized in this process.
static KNOWN: RwLock<BTreeMap<TypeId, Arc<KnownType>>> = RwLock::new(BTreeMap::new());

/// What is known about a type.
struct KnownType {
    name: &'static str,
    /// `None` if its `Deserialize` panicked.
    shape: Option<TypeShape>,
    /// Whether a value of it was serialized and read back.
    was_read: AtomicBool,
}

impl KnownType {
    fn shape(&self) -> Result<&TypeShape, BoxError> {
        self.shape.as_ref().ok_or_else(|| format!("the `Deserialize` of `{}` panicked", self.name).into())
    }
}

fn known<T: Deserialize<'static> + 'static>() -> Arc<KnownType> {
    known_or_walked(TypeId::of::<T>(), type_name::<T>(), type_shape::<T>)
}

fn known_or_walked(id: TypeId, name: &'static str, walk: fn() -> TypeShape) -> Arc<KnownType> {
    let known = KNOWN.read().get(&id).cloned();
    known.unwrap_or_else(|| {
        // Without the lock, since it runs the user's code. Two threads may do it at the same time, with equal results.
        let known =
            Arc::new(KnownType { name, shape: catch_unwind(walk).ok(), was_read: AtomicBool::new(false) });
        Arc::clone(KNOWN.write().entry(id).or_insert(known))
    })
}
