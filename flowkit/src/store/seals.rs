//! The keys with which secrets are sealed, where no file has one.

use std::sync::LazyLock;

use uuid::Uuid;

use crate::model::SealKey;

/// Makes a key that nobody can guess.
pub(crate) fn random() -> SealKey {
    // Each has 122 bits from the system.
    let bytes: Vec<u8> = (0..4).flat_map(|_| Uuid::new_v4().into_bytes()).collect();
    SealKey::from_bytes(*blake3::hash(&bytes).as_bytes())
}

/// Returns the key for what ends with the process.
pub(crate) fn of_process() -> &'static SealKey {
    static KEY: LazyLock<SealKey> = LazyLock::new(random);
    &KEY
}
