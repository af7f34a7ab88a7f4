//! The identity of a call, by which it is recognised when its flow runs again.
//!
//! Pure. The digests of the arguments are made in `engine/call_key`; what becomes of a recorded call is decided in
//! `policy/resume`.

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::value::canonical::{Digest, Domain, Encoder};
use crate::value::seal::Seal;

/// Identifies a call by its arguments, not by the time at which it is made, so the order of calls may change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId {
    /// The digest of the calling body, the task, and the content of the arguments, without those that cannot be compared.
    pub key: Digest,
    /// The keyed digest of the secrets in the arguments, of the caller, and of the inputs; `None` if there are none.
    // Of no use outside of the store, and never shown.
    #[serde(skip)]
    pub seal: Option<Seal>,
    /// The number of the call among the calls of the body with this key and seal, counting from 1. These are interchangeable.
    pub nth: u32,
}

impl CallId {
    /// Returns one digest for the whole identity.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut encoder = Encoder::new(Domain::Call);
        self.write_place(&mut encoder);
        encoder.optional(self.seal, |encoder, seal| encoder.bytes(seal.as_bytes()));
        encoder.finish()
    }

    /// Writes key and number of this call, which are part of the keys of the calls made in its body, and of those that take its
    /// result. The seal is passed on separately.
    pub(crate) fn write_place(&self, encoder: &mut Encoder) {
        encoder.bytes(self.key.as_bytes());
        encoder.unsigned(self.nth.into());
    }
}

/// The identity of a call, and whether it is certain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The identity.
    pub call: CallId,
    /// The argument that cannot be compared, such as `pool: &PgPool`; `None` if all can. Such a call cannot be told from other
    /// calls of the task in the same body, so it takes over a recorded row but not its outcome, and runs again.
    pub unknown: Option<&'static str>,
}

impl Identity {
    /// Words the message that calls of `task` cannot be told apart because of `argument`, and what to do.
    pub(crate) fn words(kind: Kind, task: &str, argument: &str) -> String {
        let (name, attribute) = (argument.split(':').next().unwrap_or(argument), kind.name());
        format!(
            "`{task}` takes `{argument}`, which cannot be compared, so a retried flow or a resumed run makes its calls \
             again; if it does not change what comes out, say `#[{attribute}(ignore({name}))]`, else derive \
             `serde::Serialize` for it, or give `key = |…| …`"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest;

    #[test]
    fn each_part_of_a_call_counts() {
        let (a, b) = (digest("a").unwrap(), digest("b").unwrap());
        let call = CallId { key: a, seal: None, nth: 1 };
        let sealed = CallId { seal: Some(Seal::from_bytes([1; 16])), ..call };
        let calls = [
            call,
            CallId { key: b, ..call },
            CallId { nth: 2, ..call },
            sealed,
            CallId { seal: Some(Seal::from_bytes([2; 16])), ..call },
            CallId { nth: 2, ..sealed },
        ];
        for (index, call) in calls.iter().enumerate() {
            let before = calls[..index].iter().map(CallId::digest);
            assert!(!before.collect::<Vec<_>>().contains(&call.digest()), "call {index} is not new");
        }
        assert_eq!(format!("{:?}", Seal::from_bytes([7; 16])), "Seal(…)", "a seal is never shown");
    }
}
