//! The second check of argument digests. If a set's own `Serialize` writes it as a list or as text, its digest depends on the
//! hasher's order, and no type shows that; but written, read and written again, it has another digest.
//!
//! Only made where a wrong digest is costly: for tasks that may run at most once, and for cached ones. Does not know types by
//! name; `value/canonical/names` does.

use std::any::type_name;

use serde::{Deserialize, Serialize};

use crate::engine::attempt::panics::guarded;
use crate::macro_support::Probe;
use crate::model::DigestError;
use crate::value::envelope::{from_json, to_json};
use crate::value::persist::is_equal;

/// Checks that an argument stays the same when it is written, read and written again.
pub trait Rewritten {
    /// # Errors
    ///
    /// If it does not: then its digest says nothing about it.
    fn rewritten(&self) -> Result<(), DigestError>;
}

// `DeserializeOwned` would be an error for a `Vec<&'static str>`, see `from_json`.
impl<T: Serialize + Deserialize<'static>> Rewritten for Probe<'_, T> {
    fn rewritten(&self) -> Result<(), DigestError> {
        if is_plain(type_name::<T>()) { Ok(()) } else { compare::<T, T>(self.0) }
    }
}

impl<T: Serialize + Deserialize<'static>> Rewritten for Probe<'_, [T]> {
    fn rewritten(&self) -> Result<(), DigestError> {
        compare::<[T], Vec<T>>(self.0)
    }
}

/// Checks nothing where a type cannot be read.
pub trait NotRewritten {
    fn rewritten(&self) -> Result<(), DigestError> {
        Ok(())
    }
}

impl<T: ?Sized> NotRewritten for &Probe<'_, T> {}

/// Whether values of a type always stay the same. To miss one costs a little time, no more.
fn is_plain(name: &str) -> bool {
    const PLAIN: &[&str] = &["alloc::string::String", "std::path::PathBuf", "std::ffi::os_str::OsString"];
    // Only the names of numbers, `bool` and `char` are not paths.
    PLAIN.contains(&name) || name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn compare<V: Serialize + ?Sized, R: Serialize + Deserialize<'static>>(value: &V) -> Result<(), DigestError> {
    // A value that cannot be written or read, such as a secret, proves nothing.
    let differs = guarded("`Deserialize` of an argument", || {
        let json = to_json(value).ok()?;
        let read = from_json::<R>(json.as_bytes()).ok()?;
        Some(!is_equal(value, &read, || to_json(&read).is_ok_and(|again| again == json)))
    });
    if differs.flatten() == Some(true) { Err(DigestError::Differs) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::ffi::OsString;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn the_compiler_calls_plain_types_as_the_table_does() {
        let plain = [type_name::<u32>(), type_name::<bool>(), type_name::<char>(), type_name::<f64>()];
        let owned = [type_name::<String>(), type_name::<PathBuf>(), type_name::<OsString>()];
        assert!(plain.iter().chain(&owned).all(|name| is_plain(name)));
        assert!(![type_name::<HashSet<u32>>(), type_name::<Probe<'_, u32>>()].into_iter().any(is_plain));
    }
}
