//! What a call is given, as one digest: the part of its identity that the arguments decide.
//!
//! An argument by value counts with its content, a handle with the call that it stands for, whether that has ended or not:
//! a key must not depend on timing. What has no content that can be compared makes the call *unknown*. Not: what becomes of
//! such a call, see `policy/resume`.

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
    /// Of the body that makes the call, of the arguments, and of what they are the results of: so a secret counts for
    /// everything that was made with it.
    seals: SmallVec<[Seal; 2]>,
    /// The argument that is being added, as `name: Type`.
    argument: &'static str,
    unknown: Option<Unknown>,
    missing_key: Option<DigestError>,
    items_by_place: bool,
}

/// What of a call cannot be compared.
#[derive(Clone, Debug)]
pub(crate) struct Unknown {
    /// The first of its arguments that cannot, as `name: Type`.
    pub(crate) argument: &'static str,
    /// Why this value cannot; `None` if no value of the type can.
    pub(crate) reason: Option<String>,
}

/// What the arguments of a call add to its key.
pub(crate) struct ArgumentsKey {
    pub(crate) digest: Digest,
    pub(crate) seal: Option<Seal>,
    pub(crate) unknown: Option<Unknown>,
    /// There are secrets among them, and the key is missing that tells them apart.
    pub(crate) missing_key: Option<DigestError>,
    /// There is an item of a list whose content is not in the digest: the version of its list must count beside it.
    pub(crate) items_by_place: bool,
}

impl ArgumentsKey {
    /// Those of a call that takes nothing.
    pub(crate) fn none(parent: Option<Identity>) -> Self {
        CallKey::of(Err(Path::new("")), parent, |_| {})
    }
}

/// What a call is given for a parameter, as far as it does not depend on what has ended by now.
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

/// What may be said of an argument in front of its digest, so that none is taken for another.
#[derive(Clone, Copy)]
#[repr(u8)]
enum KeyTag {
    Value = 1,
    Upstream = 2,
    Item = 3,
    Nothing = 4,
}

impl<'a> CallKey<'a> {
    /// Asks a body for what its arguments add. It runs the user's `Serialize`, which may panic.
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
            items_by_place: false,
        };
        if guarded("call key", || add(&mut key)).is_none() {
            key.cannot(Some("its `Serialize` panicked".to_owned()));
            key.items_by_place = true;
        }
        ArgumentsKey {
            seal: Seal::join(&key.seals),
            digest: key.encoder.finish(),
            unknown: key.unknown,
            missing_key: key.missing_key,
            items_by_place: key.items_by_place,
        }
    }

    /// Says which argument is added next, as `name: Type`.
    pub fn argument(&mut self, argument: &'static str) -> &mut Self {
        self.argument = argument;
        self
    }

    /// Adds the value that the user gives for all arguments.
    pub fn value<T: Serialize + ?Sized>(&mut self, value: &T) {
        // Items among the arguments count with this as well.
        self.items_by_place |= !self.content(digest_and_seal(value, self.sealing));
    }

    /// Adds what was found out about the digest of the argument that was added last.
    pub fn prove(&mut self, proof: Result<(), DigestError>) {
        if let Err(error) = proof {
            self.cannot(Some(error.to_string()));
        }
    }

    /// Returns whether there is a content to add.
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
        given: ArgumentContent<'_, T>,
        visit: impl FnOnce(&mut Visit<'_>),
        digest: impl FnOnce(&T, Sealing<'_>) -> Result<(Digest, Option<Digest>), DigestError>,
    ) {
        match given {
            ArgumentContent::Value(value) => {
                self.content(digest(value, self.sealing));
            }
            // An item counts with its content, so that one more item in its list changes nothing for the others.
            ArgumentContent::Item { value, .. } => {
                self.items_by_place |= !self.content(digest(value, self.sealing));
            }
            ArgumentContent::Upstream => self.upstream(visit),
        }
    }

    /// Adds an argument of which nothing is known but where it comes from.
    pub(crate) fn add_unseen<T: ?Sized>(
        &mut self,
        given: ArgumentContent<'_, T>,
        visit: impl FnOnce(&mut Visit<'_>),
    ) {
        match given {
            ArgumentContent::Value(_) => self.cannot(None),
            ArgumentContent::Upstream => self.upstream(visit),
            ArgumentContent::Item { index, .. } => {
                self.tag(KeyTag::Item);
                self.encoder.unsigned(index as u128);
                self.items_by_place = true;
                self.upstream(visit);
            }
        }
    }

    /// Adds the place of each call that a handle stands for. A list that is made later has a place of its own, and its
    /// items do not count, which may be known by now or not.
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
        // How many there were is part of it.
        self.tag(KeyTag::Nothing);
    }

    fn tag(&mut self, of: KeyTag) {
        self.encoder.bytes(&[of as u8]);
    }
}
