//! The digest itself: 32 bytes, displayed as 64 hexadecimal digits.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{Domain, Encoder};

/// The BLAKE3 digest of a value. Text, JSON and SQL show it as 64 lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

impl Digest {
    /// Makes a digest from the bytes that [`as_bytes`](Self::as_bytes) returned.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Returns the bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Returns the digest of several digests in order, such as those of a call's arguments.
    ///
    /// ```
    /// # use flowkit::value::canonical::{Digest, digest};
    /// let (a, b) = (digest("a")?, digest("b")?);
    /// assert_ne!(Digest::join(&[a, b]), Digest::join(&[b, a]));
    /// # Ok::<(), flowkit::value::canonical::DigestError>(())
    /// ```
    #[must_use]
    pub fn join(digests: &[Self]) -> Self {
        let mut encoder = Encoder::new(Domain::Join);
        for digest in digests {
            encoder.bytes(&digest.0);
        }
        encoder.finish()
    }

    /// Parses what `Display` writes: 64 lower-case hexadecimal digits.
    ///
    /// # Errors
    /// If `text` is anything else.
    ///
    /// ```
    /// # use flowkit::value::canonical::{Digest, digest};
    /// let value = digest("some value")?;
    /// assert_eq!(Digest::from_hex(&value.to_string()), Ok(value));
    /// # Ok::<(), flowkit::value::canonical::DigestError>(())
    /// ```
    pub fn from_hex(text: &str) -> Result<Self, InvalidDigest> {
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else {
            return Err(InvalidDigest);
        };
        let mut bytes = [0; 32];
        if pairs.len() != bytes.len() {
            return Err(InvalidDigest);
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = nibble(*high)? << 4 | nibble(*low)?;
        }
        Ok(Self(bytes))
    }
}

fn nibble(digit: u8) -> Result<u8, InvalidDigest> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        _ => Err(InvalidDigest),
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Shows the first eight digits: enough to tell digests apart in a log.
impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, ..] = self.0;
        write!(f, "Digest({a:02x}{b:02x}{c:02x}{d:02x}…)")
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        Self::from_hex(text)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Hex;

        impl de::Visitor<'_> for Hex {
            type Value = Digest;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("64 lower-case hexadecimal digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Digest, E> {
                Digest::from_hex(text).map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Hex)
    }
}

/// The error for a text that is not a digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvalidDigest;

impl fmt::Display for InvalidDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a digest is 64 lower-case hexadecimal digits")
    }
}

impl std::error::Error for InvalidDigest {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::canonical::digest;

    #[test]
    fn digest_is_written_as_hex_and_read_back() {
        let value = digest("flowkit").unwrap();
        let hex = value.to_string();
        assert_eq!(hex.len(), 64);
        assert_eq!(hex.parse(), Ok(value));
        assert_eq!(format!("{value:?}"), format!("Digest({}…)", &hex[..8]));
        let json = serde_json::to_string(&value).unwrap();
        assert_eq!(json, format!("\"{hex}\""));
        assert_eq!(serde_json::from_str::<Digest>(&json).unwrap(), value);
        for wrong in
            ["", "00", &hex[1..], &format!("{hex}00"), &hex.to_uppercase(), &"é".repeat(32), &"+0".repeat(32)]
        {
            assert_eq!(Digest::from_hex(wrong), Err(InvalidDigest), "{wrong}");
        }
    }
}
