//! How values of one type are serialized and deserialized. The format of the bytes is defined by the envelope.

use super::BoxError;

/// Serializes and deserializes values of a type. The generated code chooses it for each task, at compile time.
#[doc(hidden)]
pub struct Codec<T> {
    pub(crate) encode: Encode<T>,
    pub(crate) decode: fn(&[u8], version: Option<&str>) -> Result<T, Unreadable>,
    /// Serializes a value for people and other programs; `None` if that fails.
    pub(crate) json: fn(&T) -> Option<String>,
    /// Whether values of the type may contain descriptions of files.
    pub(crate) describes_files: fn() -> bool,
    /// Compares two values; `None` if the type is not `PartialEq`.
    pub(crate) same: Option<Same<T>>,
}

/// Serializes a value for a version of its task, and proves, by comparing, that it reads back as it was.
pub(crate) type Encode<T> = fn(&T, version: Option<&str>, same: Option<Same<T>>) -> Result<Vec<u8>, BoxError>;

/// Compares two values.
pub(crate) type Same<T> = fn(&T, &T) -> bool;

impl<T> Codec<T> {
    /// Uses this function to compare values of the type.
    #[must_use]
    pub fn comparing(self, same: Option<fn(&T, &T) -> bool>) -> Self {
        Self { same, ..self }
    }

    /// Returns the envelope of a value, after checking that it reads back as it was.
    ///
    /// # Errors
    ///
    /// If the value cannot be serialized, or would read back as another one.
    pub(crate) fn encode(&self, value: &T, version: Option<&str>) -> Result<Vec<u8>, BoxError> {
        (self.encode)(value, version, self.same)
    }
}

impl<T> Clone for Codec<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Codec<T> {}

/// Why a persisted value cannot be read.
#[doc(hidden)]
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The bytes are not those that were written.
    #[error(transparent)]
    Damaged(BoxError),
    /// The bytes are intact, but are not a value of the current type.
    #[error(transparent)]
    Changed(BoxError),
}
