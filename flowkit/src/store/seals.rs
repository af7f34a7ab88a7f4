//! Keys that seal secrets, where no file has one.

use std::sync::LazyLock;

use uuid::Uuid;

use crate::model::SealKey;

/// Makes a key that cannot be guessed.
pub(crate) fn random() -> SealKey {
    // Each has 122 bits from the system.
    let bytes: Vec<u8> = (0..4).flat_map(|_| Uuid::new_v4().into_bytes()).collect();
    SealKey::from_bytes(*blake3::hash(&bytes).as_bytes())
}

/// Returns the key for stores that end with the process.
pub(crate) fn of_process() -> &'static SealKey {
    static KEY: LazyLock<SealKey> = LazyLock::new(random);
    &KEY
}
