//! The results of calls that succeeded in an earlier attempt of a flow, for the later attempts in the same process.
//!
//! A call is identified by its arguments ([`CallId`]), so the order of calls may change. A call whose arguments cannot be
//! compared is not in here, and runs again.

use parking_lot::Mutex;
use smallvec::SmallVec;
use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::previous::PreviousCall;
use crate::engine::call_key::ArgumentsKey;
use crate::model::{CallId, Digest, Identity, OrderNo, Provenance, Refusal, Seal, State, TaskRunId};
use crate::store::TimeUp;
use crate::value::canonical::{Domain, Encoder};

/// A result of an earlier attempt of the flow.
#[derive(Clone)]
pub(crate) struct Remembered {
    pub(crate) value: MemoValue,
    pub(crate) provenance: Provenance,
}

/// Where a remembered result is.
#[derive(Clone)]
pub(crate) enum MemoValue {
    /// In memory, as a copy.
    Here(Arc<dyn Any + Send + Sync>),
    /// In the store, as the result of this task run.
    Store(TaskRunId),
}

pub(crate) struct ResultMemo {
    /// Whether the flow may be retried in this process; otherwise the memo is never read.
    remembers: bool,
    results: Mutex<HashMap<CallId, Remembered>>,
    /// The failed calls that no later attempt of the flow makes again.
    refused: Mutex<HashMap<CallId, Refusal>>,
    /// The keys of calls that a name told apart, until a second call came with the same name.
    ambiguous: Mutex<HashSet<Digest>>,
    ends: Mutex<EarlierEnds>,
    /// The waits that timed out.
    times_up: Mutex<HashMap<Digest, TimeUp>>,
}

/// When calls ended in earlier attempts of the flow, for those that end in the same way again.
#[derive(Default)]
struct EarlierEnds {
    succeeded: HashMap<CallId, OrderNo>,
    cancelled: HashMap<CallId, OrderNo>,
    /// Calls that were refused and always will be.
    refused: HashMap<CallId, OrderNo>,
    /// The first end that a later attempt retries. Any later decision of a body may be due to it.
    first_retried: Option<OrderNo>,
}

impl ResultMemo {
    pub(crate) fn new(remembers: bool) -> Self {
        Self {
            remembers,
            results: Mutex::default(),
            refused: Mutex::default(),
            ambiguous: Mutex::default(),
            ends: Mutex::default(),
            times_up: Mutex::default(),
        }
    }

    /// Whether a later attempt of the flow may read the memo.
    pub(crate) fn remembers(&self) -> bool {
        self.remembers
    }

    /// Takes note that the calls of this key cannot be told apart.
    pub(crate) fn mark_ambiguous(&self, key: &Digest) {
        self.ambiguous.lock().insert(*key);
    }

    pub(crate) fn is_ambiguous(&self, key: &Digest) -> bool {
        self.ambiguous.lock().contains(key)
    }

    /// Takes note of how a call ended; `by_body` if a body cancelled it. `call` is `None` for one that cannot be told from others
    /// and runs again in any case: only its failure matters.
    pub(crate) fn note_end(&self, call: Option<CallId>, state: State, by_body: bool, no: OrderNo) {
        let mut ends = self.ends.lock();
        match call {
            Some(call) if state.is_success() => drop(ends.succeeded.insert(call, no)),
            Some(call) if by_body => drop(ends.cancelled.insert(call, no)),
            None if state.is_success() || by_body => {}
            _ if state == State::Skipped => {}
            _ => ends.note_retried(call, no),
        }
    }

    /// Takes note of the end of a call that failed and fails again in every attempt of the flow.
    pub(crate) fn note_refused(&self, call: CallId, no: OrderNo) {
        let mut ends = self.ends.lock();
        ends.succeeded.remove(&call);
        ends.refused.insert(call, no);
    }

    /// Takes note of an end that an earlier process recorded, so that this process has no event of it.
    pub(crate) fn note_recorded(&self, call: CallId, claimed: &PreviousCall, no: OrderNo) {
        let mut ends = self.ends.lock();
        match claimed {
            PreviousCall::Succeeded | PreviousCall::Again(_) => drop(ends.succeeded.insert(call, no)),
            PreviousCall::Cancelled => drop(ends.cancelled.insert(call, no)),
            PreviousCall::Failed(_) | PreviousCall::FailedAnyway(_) | PreviousCall::Refused(_) => {
                ends.note_retried(Some(call), no)
            }
        }
    }

    /// Returns the number of a call's earlier end, if it ends in the same way again.
    pub(crate) fn recorded_no(&self, call: CallId) -> Option<OrderNo> {
        let ends = self.ends.lock();
        let again = ends.succeeded.get(&call).or_else(|| ends.refused.get(&call)).copied();
        again.or_else(|| ends.cancelled_for_good(call))
    }

    /// Whether a body cancelled a call and would cancel it again.
    pub(crate) fn is_cancelled(&self, call: CallId) -> bool {
        self.ends.lock().cancelled_for_good(call).is_some()
    }

    pub(crate) fn note_time_up(&self, time_up: TimeUp) {
        self.times_up.lock().insert(time_up.key, time_up);
    }

    pub(crate) fn time_up(&self, key: Digest) -> Option<TimeUp> {
        self.times_up.lock().get(&key).cloned()
    }

    /// Remembers the result of a call.
    pub(crate) fn insert(&self, key: CallId, value: MemoValue, provenance: Provenance) {
        let before = self.results.lock().insert(key, Remembered { value, provenance });
        // Dropped after the lock is released: it is a user's value.
        drop(before);
    }

    pub(crate) fn find(&self, key: CallId) -> Option<Remembered> {
        self.results.lock().get(&key).cloned()
    }

    /// Makes a call fail in every later attempt of the flow.
    pub(crate) fn refuse(&self, key: CallId, refusal: Refusal) {
        self.results.lock().remove(&key);
        self.refused.lock().insert(key, refusal);
    }

    /// Returns why a call may not be made again, if so.
    pub(crate) fn refusal(&self, key: CallId) -> Option<Refusal> {
        self.refused.lock().get(&key).cloned()
    }
}

impl EarlierEnds {
    fn note_retried(&mut self, call: Option<CallId>, no: OrderNo) {
        if let Some(call) = call {
            self.succeeded.remove(&call);
        }
        self.first_retried = Some(self.first_retried.map_or(no, |first| first.min(no)));
    }

    fn cancelled_for_good(&self, call: CallId) -> Option<OrderNo> {
        let no = *self.cancelled.get(&call)?;
        self.first_retried.is_none_or(|first| no < first).then_some(no)
    }
}

/// Identifies the calls of each body, within one attempt of a flow: it numbers those that are equal.
#[derive(Default)]
pub(crate) struct Ordinals(Mutex<HashMap<(Digest, Option<Seal>), u32>>);

impl Ordinals {
    /// Returns the identity of the next call of `task` with these arguments. If they cannot be compared, the name of the call
    /// identifies it, as long as no other such call of the body has the same name.
    pub(crate) fn next(
        &self,
        parent: Option<Identity>,
        task: &str,
        inputs: &ArgumentsKey,
        name: Option<&str>,
    ) -> Identity {
        let domain = match (&inputs.unknown, name) {
            (None, _) => Domain::CallKey,
            (Some(_), Some(_)) => Domain::NamedCall,
            (Some(_), None) => Domain::UnknownCall,
        };
        let mut encoder = begin(domain, parent, task);
        if inputs.unknown.is_none() {
            encoder.bytes(inputs.digest.as_bytes());
        } else if let Some(name) = name {
            encoder.bytes(inputs.digest.as_bytes());
            encoder.text(name);
        }
        let call = self.count(encoder.finish(), inputs.seal);
        let is_distinguished = name.is_some() && call.nth == 1;
        let unknown = inputs.unknown.as_ref().filter(|_| !is_distinguished);
        Identity { call, unknown: unknown.map(|unknown| unknown.argument) }
    }

    /// Returns the identity of a `map` of `task` over a list that is not known yet.
    pub(crate) fn next_map(&self, parent: Option<Identity>, task: &str, list: Option<CallId>) -> CallId {
        let mut encoder = begin(Domain::MapCall, parent, task);
        encoder.optional(list, |encoder, list| list.write_place(encoder));
        let seals = [parent.and_then(|parent| parent.call.seal), list.and_then(|list| list.seal)];
        let seals: SmallVec<[Seal; 2]> = seals.into_iter().flatten().collect();
        self.count(encoder.finish(), Seal::join(&seals))
    }

    /// Returns the identity of the next wait of a body for `runs`.
    pub(crate) fn next_wait(&self, parent: Option<Identity>, runs: Digest) -> Digest {
        let mut encoder = begin(Domain::CallKey, parent, "flowkit::waited");
        encoder.bytes(runs.as_bytes());
        let seal = parent.and_then(|parent| parent.call.seal);
        self.count(encoder.finish(), seal).digest()
    }

    fn count(&self, key: Digest, seal: Option<Seal>) -> CallId {
        let mut counts = self.0.lock();
        let nth = counts.entry((key, seal)).or_insert(0);
        *nth += 1;
        CallId { key, seal, nth: *nth }
    }
}

fn begin(domain: Domain, parent: Option<Identity>, task: &str) -> Encoder {
    let mut encoder = Encoder::new(domain);
    encoder.optional(parent, |encoder, parent| parent.call.write_place(encoder));
    encoder.text(task);
    encoder
}
