//! How a value outlives its process: written into an envelope, read back, and proved to be the same.

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
use super::shape::{TypeShape, looked_through};

/// Returns the codec of a type that is known to be serializable.
pub(crate) fn codec<T: Serialize + Deserialize<'static> + 'static>() -> Codec<T> {
    let json = |value: &T| serde_json::to_string(value).ok();
    let describes_files = || known::<T>().looked.as_ref().is_some_and(|looked| looked.describes_files);
    Codec { encode: encode::<T>, decode: decode::<T>, json, describes_files, same: None }
}

pub(crate) const ANOTHER_VALUE: &str = "what is written is read as another value";

fn encode<T: Serialize + Deserialize<'static> + 'static>(
    value: &T,
    version: Option<&str>,
    same: Option<Same<T>>,
) -> Result<Vec<u8>, BoxError> {
    let known = known::<T>();
    let looked = known.looked()?;
    let fingerprint = Fingerprint::new(looked.digest, version);
    let (bytes, is_whole) = envelope::encode_noting(value, fingerprint, looked.forms.as_ref())?;
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
pub(crate) fn is_same<T: Serialize>(
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
    envelope::decode(bytes, Fingerprint::new(digest, version)).map_err(|error| {
        if error.is_damage() { Unreadable::Damaged(error.into()) } else { Unreadable::Changed(error.into()) }
    })
}

/// The types of which values were written or read in this process.
static KNOWN: RwLock<BTreeMap<TypeId, Arc<KnownType>>> = RwLock::new(BTreeMap::new());

/// What was found out about a type.
struct KnownType {
    name: &'static str,
    /// `None` if its `Deserialize` panicked.
    looked: Option<TypeShape>,
    /// Whether a value of it was written and read back.
    was_read: AtomicBool,
}

impl KnownType {
    fn looked(&self) -> Result<&TypeShape, BoxError> {
        self.looked.as_ref().ok_or_else(|| format!("the `Deserialize` of `{}` panicked", self.name).into())
    }
}

fn known<T: Deserialize<'static> + 'static>() -> Arc<KnownType> {
    find_out(TypeId::of::<T>(), type_name::<T>(), looked_through::<T>)
}

fn find_out(id: TypeId, name: &'static str, look: fn() -> TypeShape) -> Arc<KnownType> {
    let known = KNOWN.read().get(&id).cloned();
    known.unwrap_or_else(|| {
        // Under no lock, since it runs code of the user. Two threads may do it at the same time, with equal results.
        let known =
            Arc::new(KnownType { name, looked: catch_unwind(look).ok(), was_read: AtomicBool::new(false) });
        Arc::clone(KNOWN.write().entry(id).or_insert(known))
    })
}
