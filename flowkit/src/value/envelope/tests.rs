//! Tests of the parent: what is damaged is found, and what comes back is what was kept.

mod json;

use proptest::prelude::*;

use super::*;
use crate::value::canonical::Digest;

fn fingerprint(number: u8) -> Fingerprint {
    Fingerprint::from_bytes([number; 32])
}

#[test]
fn format_stays_what_it_was() {
    // If this fails, values that are kept could not be read any more. Take it back, or raise `FORMAT`.
    let sealed = Envelope::seal(fingerprint(7), b"42");
    let mut header = vec![0x89, b'f', b'k', b'v', 1, 1, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
    header.extend([7; 32]);
    assert_eq!(sealed[..COVERED_BYTES], header);
    header.extend(b"42");
    assert_eq!(sealed[COVERED_BYTES..HEADER_BYTES], blake3::hash(&header).as_bytes()[..CHECKSUM_BYTES]);
    assert_eq!(&sealed[HEADER_BYTES..], b"42");
}

#[test]
fn each_damage_has_its_error() {
    let sealed = Envelope::seal(fingerprint(1), b"[1,2]");
    let changed = |at: usize, to: u8| {
        let mut bytes = sealed.clone();
        bytes[at] = to;
        bytes
    };
    /// Makes the checksum match again, as another release would write it.
    fn resealed(mut bytes: Vec<u8>) -> Vec<u8> {
        let checksum = checksum(&bytes[..COVERED_BYTES], &bytes[HEADER_BYTES..]);
        bytes[COVERED_BYTES..HEADER_BYTES].copy_from_slice(&checksum);
        bytes
    }
    let truncated = |found, expected| EnvelopeError::Truncated { found, expected };
    let table = [
        (vec![], truncated(0, 64)),
        (vec![0x89, b'f'], truncated(2, 64)),
        (sealed[..63].to_vec(), truncated(63, 64)),
        (sealed[..68].to_vec(), truncated(68, 69)),
        (changed(15, 0xff), truncated(69, 0xff00_0000_0000_0005 + 64)),
        (vec![0], EnvelopeError::NotAnEnvelope),
        (b"{\"a\":1}".to_vec(), EnvelopeError::NotAnEnvelope),
        (changed(0, 0), EnvelopeError::NotAnEnvelope),
        (changed(4, 2), EnvelopeError::UnknownVersion { recorded: 2, known: 1 }),
        (sealed[..5].iter().map(|byte| byte | 2).collect(), EnvelopeError::NotAnEnvelope),
        (changed(5, 2), EnvelopeError::Corrupt),
        (resealed(changed(5, 2)), EnvelopeError::UnknownCodec { recorded: 2 }),
        (changed(8, 4), EnvelopeError::Corrupt),
        (changed(16, 2), EnvelopeError::Corrupt),
        (changed(63, !sealed[63]), EnvelopeError::Corrupt),
        (changed(66, b'3'), EnvelopeError::Corrupt),
        ([&sealed[..], b"\0"].concat(), EnvelopeError::Corrupt),
        (
            Envelope::seal(fingerprint(2), b"[1,2]"),
            EnvelopeError::TypeChanged { recorded: fingerprint(2), expected: fingerprint(1) },
        ),
    ];
    for (bytes, error) in table {
        assert_eq!(Envelope::open(&bytes, fingerprint(1)), Err(error), "{bytes:?}");
    }
}

#[test]
fn errors_say_what_is_wrong_and_what_it_means() {
    let error = EnvelopeError::TypeChanged { recorded: fingerprint(1), expected: fingerprint(2) };
    assert_eq!(
        error.to_string(),
        "the value is of another type than the task returns today (recorded 01010101, expected 02020202): \
         the type or the task's `version` was changed since"
    );
    let error = EnvelopeError::Truncated { found: 1, expected: 64 };
    assert_eq!(
        error.to_string(),
        "the value is cut short: 1 bytes of at least 64 are there, so it was not written or not copied to its end"
    );
}

#[test]
fn fingerprint_joins_shape_and_version() {
    let shapes = [Digest::from_bytes([1; 32]), Digest::from_bytes([2; 32])];
    let versions = [None, Some(""), Some("1"), Some("2")];
    let all: Vec<_> =
        shapes.iter().flat_map(|shape| versions.map(|version| Fingerprint::new(*shape, version))).collect();
    for (index, fingerprint) in all.iter().enumerate() {
        assert!(!all[..index].contains(fingerprint), "number {index} is not new");
    }
    assert_ne!(Fingerprint::of::<u8>(None), Fingerprint::of::<u16>(None));
}

proptest! {
    #[test]
    fn payload_comes_back(payload in prop::collection::vec(any::<u8>(), 0..3000), number in any::<u8>()) {
        let sealed = Envelope::seal(fingerprint(number), &payload);
        prop_assert_eq!(sealed.len(), HEADER_BYTES + payload.len());
        prop_assert_eq!(Envelope::open(&sealed, fingerprint(number)), Ok(&payload[..]));
    }

    #[test]
    fn every_flipped_byte_and_every_truncation_is_found(
        payload in prop::collection::vec(any::<u8>(), 0..40),
        flip in 1_u8..,
    ) {
        let sealed = Envelope::seal(fingerprint(1), &payload);
        for at in 0..sealed.len() {
            let mut flipped = sealed.clone();
            flipped[at] ^= flip;
            let error = Envelope::open(&flipped, fingerprint(1)).unwrap_err();
            prop_assert!(!matches!(error, EnvelopeError::TypeChanged { .. }), "byte {}: {:?}", at, error);
            let error = Envelope::open(&sealed[..at], fingerprint(1)).unwrap_err();
            prop_assert_eq!(error, EnvelopeError::Truncated {
                found: at as u64,
                expected: if at < HEADER_BYTES { HEADER_BYTES } else { sealed.len() } as u64,
            });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    // `open` borrows its result and its errors hold numbers: it has nothing to allocate, however long the header says
    // that the payload is.
    #[test]
    fn random_bytes_never_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..200),
        true_bytes in 0_usize..=HEADER_BYTES,
    ) {
        // A true beginning, so that all checks are reached.
        let sealed = Envelope::seal(fingerprint(1), &bytes);
        for (byte, true_byte) in bytes.iter_mut().zip(&sealed[..true_bytes]) {
            *byte = *true_byte;
        }
        prop_assert!(Envelope::open(&bytes, fingerprint(1)).is_err());
        prop_assert!(decode::<serde_json::Value>(&bytes, fingerprint(1)).is_err());
        // Also behind a valid envelope.
        let _ = decode::<serde_json::Value>(&Envelope::seal(fingerprint(1), &bytes), fingerprint(1));
    }
}
