//! Which call of a body is which: what a call is found by when its flow runs again.
//!
//! Pure. Not: how the digests of the arguments are made (`call_key`), nor what becomes of a call that is found
//! (`policy/resume`).

use serde::{Deserialize, Serialize};

use super::Kind;
use crate::value::canonical::{Digest, Domain, Encoder};
use crate::value::seal::Seal;

/// A call as it is found again: by what it is given, not by when it is made. So the order of calls is free.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct CallId {
    /// The place of the body that makes the call, the task, and the content of the arguments. For a call whose arguments
    /// cannot be compared: of those that can.
    pub key: Digest,
    /// Of the secrets in the arguments, of those of the caller, and of those of the inputs.
    // It is no use outside of the store, and shown to nobody.
    #[serde(skip)]
    pub seal: Option<Seal>,
    /// Which of the calls of the body with this key and seal, counting from 1. They are interchangeable.
    pub nth: u32,
}

impl CallId {
    /// Returns one digest that stands for all of it.
    #[must_use]
    pub fn digest(&self) -> Digest {
        let mut encoder = Encoder::new(Domain::Call);
        self.write_place(&mut encoder);
        encoder.optional(self.seal, |encoder, seal| encoder.bytes(seal.as_bytes()));
        encoder.finish()
    }

    /// Writes the place of this call, which is part of the key of what is called in it and of what takes its result. The
    /// seal goes along beside the key.
    pub(crate) fn write_place(&self, encoder: &mut Encoder) {
        encoder.bytes(self.key.as_bytes());
        encoder.unsigned(self.nth.into());
    }
}

/// How a call is known, and why not by its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// What it is found by.
    pub call: CallId,
    /// What of it cannot be compared with another call, such as the argument `pool: &PgPool`. Such a call is found by its
    /// place alone, which proves nothing: it takes over the row and is made again.
    pub unknown: Option<&'static str>,
}

impl Identity {
    /// Says that calls of `task` cannot be told apart because of `argument`, and what to do.
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
        assert_eq!(format!("{:?}", Seal::from_bytes([7; 16])), "Seal(…)", "a seal is shown to nobody");
    }
}
