//! How a value of one type is written down and read back. What the bytes look like is the envelope's business.

use super::BoxError;

/// Writes values of a type down and reads them back. Found out at compile time for each task, by the generated code.
#[doc(hidden)]
pub struct Codec<T> {
    pub(crate) encode: fn(&T, version: Option<&str>) -> Result<Vec<u8>, BoxError>,
    pub(crate) decode: fn(&[u8], version: Option<&str>) -> Result<T, BoxError>,
}

impl<T> Clone for Codec<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Codec<T> {}
