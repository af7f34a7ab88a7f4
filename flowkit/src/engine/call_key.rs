//! The arguments of a call as one digest: the part of its identity that the arguments decide.
//!
//! An argument by value counts with its content, a handle with the call that it stands for, whether that has ended or not:
//! a key must not depend on timing. An argument whose content cannot be compared makes the call *unknown*; what becomes of
//! such a call, `policy/resume` decides.

use std::path::Path;

use serde::Serialize;
use smallvec::SmallVec;

use crate::engine::attempt::panics::guarded;
use crate::engine::task_run::inputs::Visit;
use crate::model::{Digest, DigestError, Identity, Seal};
use crate::value::canonical::{Domain, Encoder, Sealing, digest_and_seal};

/// Collects what the arguments of a call add to its key.
pub struct CallKey<'a> {
    encoder: Encoder,
    sealing: Sealing<'a>,
    /// The seals of the body that makes the call, of the arguments, and of the calls whose results those are: so a secret
    /// counts for everything that was made with it.
    seals: SmallVec<[Seal; 2]>,
    /// The argument that is being added, as `name: Type`.
    argument: &'static str,
    unknown: Option<Unknown>,
    missing_key: Option<DigestError>,
    items_by_position: bool,
}

/// The part of a call that cannot be compared.
#[derive(Clone, Debug)]
pub(crate) struct Unknown {
    /// The first argument that cannot be compared, as `name: Type`.
    pub(crate) argument: &'static str,
    /// Why this value cannot be compared; `None` if no value of the type can.
    pub(crate) reason: Option<String>,
}

/// What the arguments of a call add to its key.
pub(crate) struct ArgumentsKey {
    pub(crate) digest: Digest,
    pub(crate) seal: Option<Seal>,
    pub(crate) unknown: Option<Unknown>,
    /// There are secrets among them, but no key to seal them with.
    pub(crate) missing_key: Option<DigestError>,
    /// An item of a list counts by position, not by content: the version of its list must count beside it.
    pub(crate) items_by_position: bool,
}

impl ArgumentsKey {
    /// The key of a call without arguments.
    pub(crate) fn none(parent: Option<Identity>) -> Self {
        CallKey::of(Err(Path::new("")), parent, |_| {})
    }
}

/// An argument, as far as it does not depend on what has ended by now.
pub(crate) enum ArgumentContent<'a, T: ?Sized> {
    Value(&'a T),
    /// One item of a list.
    Item {
        value: &'a T,
        index: usize,
    },
    /// The result of another call.
    Upstream,
}

/// The tag in front of an argument's digest, so that no kind of argument is mistaken for another.
#[derive(Clone, Copy)]
#[repr(u8)]
enum KeyTag {
    Value = 1,
    Upstream = 2,
    Item = 3,
    Nothing = 4,
}

impl<'a> CallKey<'a> {
    /// Collects what the arguments of a body add. It runs the user's `Serialize`, which may panic.
    pub(crate) fn of(
        sealing: Sealing<'a>,
        parent: Option<Identity>,
        add: impl FnOnce(&mut Self),
    ) -> ArgumentsKey {
        let mut key = Self {
            encoder: Encoder::new(Domain::CallInputs),
            sealing,
            seals: parent.and_then(|parent| parent.call.seal).into_iter().collect(),
            argument: "",
            unknown: None,
            missing_key: None,
            items_by_position: false,
        };
        if guarded("call key", || add(&mut key)).is_none() {
            key.cannot(Some("its `Serialize` panicked".to_owned()));
            key.items_by_position = true;
        }
        ArgumentsKey {
            seal: Seal::join(&key.seals),
            digest: key.encoder.finish(),
            unknown: key.unknown,
            missing_key: key.missing_key,
            items_by_position: key.items_by_position,
        }
    }

    /// Sets which argument is added next, as `name: Type`.
    pub fn argument(&mut self, argument: &'static str) -> &mut Self {
        self.argument = argument;
        self
    }

    /// Adds the value of the attribute's `key`, which stands for all arguments.
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) {
        // It stands for the items among the arguments, too.
        self.items_by_position |= !self.content(digest_and_seal(value, self.sealing));
    }

    /// Adds the check of the digest of the argument that was added last.
    pub fn prove(&mut self, proof: Result<(), DigestError>) {
        if let Err(error) = proof {
            self.cannot(Some(error.to_string()));
        }
    }

    /// Returns whether there is content to add.
    fn content(&mut self, digest: Result<(Digest, Option<Digest>), DigestError>) -> bool {
        let has_content = digest.is_ok();
        match digest {
            Ok((digest, seal)) => {
                self.tag(KeyTag::Value);
                self.encoder.bytes(digest.as_bytes());
                self.seals.extend(seal.as_ref().map(Seal::of));
            }
            Err(error @ DigestError::NoSealKey { .. }) => {
                self.cannot(None);
                self.missing_key = Some(error);
            }
            Err(error) => self.cannot(Some(error.to_string())),
        }
        has_content
    }

    fn cannot(&mut self, reason: Option<String>) {
        self.tag(KeyTag::Nothing);
        self.unknown.get_or_insert(Unknown { argument: self.argument, reason });
    }

    pub(crate) fn add<T: ?Sized>(
        &mut self,
        content: ArgumentContent<'_, T>,
        visit: impl FnOnce(&mut Visit<'_>),
        digest: impl FnOnce(&T, Sealing<'_>) -> Result<(Digest, Option<Digest>), DigestError>,
    ) {
        match content {
            ArgumentContent::Value(value) => {
                self.content(digest(value, self.sealing));
            }
            // An item counts with its content, so that one more item in its list changes nothing for the others.
            ArgumentContent::Item { value, .. } => {
                self.items_by_position |= !self.content(digest(value, self.sealing));
            }
            ArgumentContent::Upstream => self.upstream(visit),
        }
    }

    /// Adds an argument without comparable content: only its origin counts.
    pub(crate) fn add_unseen<T: ?Sized>(
        &mut self,
        content: ArgumentContent<'_, T>,
        visit: impl FnOnce(&mut Visit<'_>),
    ) {
        match content {
            ArgumentContent::Value(_) => self.cannot(None),
            ArgumentContent::Upstream => self.upstream(visit),
            ArgumentContent::Item { index, .. } => {
                self.tag(KeyTag::Item);
                self.encoder.unsigned(index as u128);
                self.items_by_position = true;
                self.upstream(visit);
            }
        }
    }

    /// Adds the identity of each call that a handle stands for. A list that is made later has its own identity, and its
    /// items do not count, since they may be known by now or not.
    fn upstream(&mut self, visit: impl FnOnce(&mut Visit<'_>)) {
        let mut is_list = false;
        visit(&mut |input, _| {
            if let Some(call) = input.call().filter(|_| !is_list) {
                self.tag(KeyTag::Upstream);
                call.write_place(&mut self.encoder);
                self.seals.extend(call.seal);
            }
            is_list |= input.input_core().is_none();
        });
        // Their number counts, too.
        self.tag(KeyTag::Nothing);
    }

    fn tag(&mut self, of: KeyTag) {
        self.encoder.bytes(&[of as u8]);
    }
}
