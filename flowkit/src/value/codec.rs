//! How a value of one type is written down and read back. What the bytes look like is the envelope's business.

use super::BoxError;

/// Writes values of a type down and reads them back. Found out at compile time for each task, by the generated code.
#[doc(hidden)]
pub struct Codec<T> {
    pub(crate) encode: Encode<T>,
    pub(crate) decode: fn(&[u8], version: Option<&str>) -> Result<T, Unreadable>,
    /// For people and other programs; `None` if the value refuses to be written.
    pub(crate) json: fn(&T) -> Option<String>,
    /// Whether there may be descriptions of files in a value.
    pub(crate) describes_files: fn() -> bool,
    /// Tells whether two values are equal; `None` if the type has no word for that.
    pub(crate) same: Option<Same<T>>,
}

/// Writes a value of a version of its task; what tells whether two values are equal proves that it reads back.
pub(crate) type Encode<T> = fn(&T, version: Option<&str>, same: Option<Same<T>>) -> Result<Vec<u8>, BoxError>;

/// Tells whether two values are equal.
pub(crate) type Same<T> = fn(&T, &T) -> bool;

impl<T> Codec<T> {
    /// With what tells whether two values of the type are equal.
    #[must_use]
    pub fn comparing(self, same: Option<fn(&T, &T) -> bool>) -> Self {
        Self { same, ..self }
    }

    /// Returns the envelope of a value that is proved to come back as it is.
    ///
    /// # Errors
    ///
    /// If it would not.
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

/// Why a kept value cannot be read.
#[doc(hidden)]
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The bytes are not those that were written.
    #[error(transparent)]
    Damaged(BoxError),
    /// They are, and are no value of today's type.
    #[error(transparent)]
    Changed(BoxError),
}
