//! A flow run that exists once for its key, for any number of callers in any process.

use std::future::IntoFuture;
use std::panic::Location;
use std::process;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::clock;
use crate::engine::attempt::permit::without_slots;
use crate::engine::body::{Body, FlowBody};
use crate::engine::context;
use crate::engine::flow_run::begin::durability;
use crate::engine::flow_run::start::{Started, start};
use crate::engine::replay::run_store::ask;
use crate::engine::runtime::Runtime;
use crate::engine::task_run::launch;
use crate::engine::task_run::options::CallOptions;
use crate::failpoint;
use crate::flow::resume::Resume;
use crate::flow::{FlowRun, RunningFlow};
use crate::model::{Error, FlowRunId, OwnerName, Refusal, RunLabel};
use crate::policy::durability::Durability;
use crate::store::{Reserved, Store, StoreError};
use crate::task::call::Call;

/// Poll interval while another process starts the run for which it reserved the key. It doubles up to one second, so that a
/// caller waits about two seconds in all for a process that usually needs some milliseconds.
const FIRST_WAIT: Duration = Duration::from_millis(8);
const LAST_WAIT: Duration = Duration::from_secs(1);

/// A call of a flow with a key. Made by [`Call::idempotency_key`]; await it.
#[must_use = "nothing runs until this is awaited"]
pub struct Keyed<B: FlowBody> {
    body: B,
    options: Option<Box<CallOptions<B::Error>>>,
    key: String,
    location: &'static Location<'static>,
}

impl<T, E, B> Call<'static, T, E, B>
where
    B: FlowBody + Body<Output = T, Error = E>,
{
    /// Runs the flow once for `key`, whatever its arguments: a second call with the same key, in this process or another
    /// one, does not begin a second run.
    ///
    /// The second call returns the result of the existing run, or resumes it if it crashed, was suspended, cancelled or failed
    /// ([`Resume`]). While the first call is still running it in the same runtime, the second waits for it and gets its outcome,
    /// a failure too; it may be dropped meanwhile without affecting the first. If the first is dropped, its run is cancelled, and
    /// the second continues it. While another process is running it, or is about to, the call is refused with
    /// [`Refusal::KeyHeld`], which names the run and the process: a key belongs to its process for as long as that process lives,
    /// even while it is paused. Two flows that wait for each other's keys wait for ever; one that waits for its own is refused.
    ///
    /// The store keeps the key for as long as the run. Requires a runtime with a store, and a flow whose runs are persisted there.
    ///
    /// ```
    /// use flowkit::prelude::*;
    /// use flowkit::Runtime;
    /// use flowkit::store::MemoryStore;
    ///
    /// #[task]
    /// async fn charge(customer: u32) -> String { format!("charged {customer}") }
    ///
    /// #[flow]
    /// async fn bill(customer: u32) -> Result<String> { Ok(charge(customer).await?) }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let runtime = Runtime::builder().store(MemoryStore::new()).build();
    /// let first = bill(7).on(&runtime).idempotency_key("2026-11").run().await;
    /// let second = bill(7).on(&runtime).idempotency_key("2026-11").run().await;
    /// assert_eq!(first.id(), second.id());
    /// assert_eq!(second.result().as_ref().unwrap(), "charged 7");
    /// # }
    /// ```
    #[track_caller]
    pub fn idempotency_key(self, key: impl Into<String>) -> Keyed<B> {
        Keyed { body: self.body, options: self.setup.options, key: key.into(), location: Location::caller() }
    }
}

impl<B: FlowBody> Keyed<B> {
    pub(crate) fn new(
        body: B,
        options: CallOptions<B::Error>,
        key: String,
        location: &'static Location<'static>,
    ) -> Self {
        Self { body, options: Some(Box::new(options)), key, location }
    }

    /// Runs the flow, or finds the run of its key, and returns everything that is known of it, whether it failed or not.
    pub async fn run(self) -> FlowRun<B::Output, B::Error> {
        RunningFlow::of::<B>(self.start().await).await
    }

    async fn start(self) -> Result<Started<B::Output, B::Error>, Error<B::Error>> {
        let Self { body, options, key, location } = self;
        let label = launch::label::<B>(None);
        let refused = |refusal| Error::Refused { run: label.clone(), refusal };
        let mut options = options.unwrap_or_default();
        let parent = context::current();
        // Inside a flow the run begins in the runtime of that flow, so the key is looked up in that runtime's store.
        let runtime = match &parent {
            Some(parent) => parent.core().runtime().clone(),
            None => options.runtime.take().unwrap_or_else(context::runtime),
        };
        let outer = parent.as_ref().and_then(|parent| parent.core().run());
        if durability(B::info().flow.durability, outer, &runtime) == Durability::Memory {
            return Err(refused(Refusal::KeyInMemory));
        }
        let store = runtime.store().ok_or_else(|| refused(Refusal::NoStore))?;
        // Another flow may use the same key for runs of its own.
        let key = format!("{}\n{key}", B::info().declaration.path).into();
        let reservation = match find_or_reserve(store, key).await {
            Ok(KeyLookup::Reserved(reservation)) => reservation,
            Ok(KeyLookup::Begun(run))
                if outer.is_some_and(|outer| runtime.active_runs().is_within(outer, run)) =>
            {
                return Err(refused(Refusal::KeyHeld {
                    held_by: run,
                    owner: OwnerName::new(process::id(), "this host"),
                }));
            }
            Ok(KeyLookup::Begun(run)) => {
                let existing = Resume::__new(run, location).with_body(body).on(&runtime);
                return join(existing, &runtime).await.map_err(|error| key_held(error, &label));
            }
            Err(error) => {
                return Err(key_held(Error::Store { run: label.clone(), source: Arc::new(error) }, &label));
            }
        };
        failpoint::reach("after-reserve");
        options.runtime = Some(Runtime::clone(&runtime));
        options.keyed = Some((reservation.id, Arc::clone(&reservation.key)));
        let started = start(body, Some(options), parent.as_ref(), location).map_err(refused)?;
        reservation.close();
        Ok(started)
    }
}

/// Returns the outcome of a run, or continues it. If it is active in this runtime, waits for its end first.
async fn join<B: FlowBody>(
    mut existing: Resume<B>,
    runtime: &Runtime,
) -> Result<Started<B::Output, B::Error>, Error<B::Error>> {
    let mut wait = FIRST_WAIT;
    loop {
        if without_slots(runtime.active_runs().ended(existing.run)).await {
            // Its failure is that of this call, too.
            existing = existing.with_its_end();
        }
        match existing.begin().await {
            // Another call of this process waited too, and was first to take the run over.
            Err(error)
                if wait <= LAST_WAIT
                    && owner_of(&error).is_some_and(|(_, owner)| owner.pid == process::id()) =>
            {
                clock::sleep(wait).await;
                wait *= 2;
            }
            begun => return begun,
        }
    }
}

/// The living process that owns a run, if the error says so.
fn owner_of<E>(error: &Error<E>) -> Option<(FlowRunId, &OwnerName)> {
    let Error::Store { source, .. } = error else { return None };
    match source.downcast_ref() {
        Some(StoreError::Owned { id, owner }) => Some((*id, owner)),
        _ => None,
    }
}

/// Turns the error of a store, that another process owns the run of a key, into a refusal that callers can tell from a fault.
fn key_held<E>(error: Error<E>, label: &RunLabel) -> Error<E> {
    match owner_of(&error) {
        Some((held_by, owner)) => {
            let refusal = Refusal::KeyHeld { held_by, owner: owner.clone() };
            Error::Refused { run: label.clone(), refusal }
        }
        None => error,
    }
}

/// What the store has for a key.
enum KeyLookup {
    /// A run that has begun, in this process or another one.
    Begun(FlowRunId),
    /// No run so far: the key is reserved now, and the caller begins one.
    Reserved(Reservation),
}

/// A key that is reserved for a run of this process. If it is dropped before the run begins, the key is released: the call may
/// be dropped while it waits for the store, or be refused.
struct Reservation {
    store: Arc<dyn Store>,
    key: Arc<str>,
    id: FlowRunId,
    is_open: bool,
}

impl Reservation {
    /// Ends the reservation without releasing the key: the store decides now whether the run begins.
    fn close(mut self) {
        self.is_open = false;
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        if self.is_open {
            self.store.unreserve(&self.key, self.id);
        }
    }
}

/// Finds the run of a key, or reserves the key. If another process has reserved it, waits for that process to begin its run; if it
/// does not, the error names it.
async fn find_or_reserve(store: &Arc<dyn Store>, key: Arc<str>) -> Result<KeyLookup, StoreError> {
    let id = FlowRunId::new(uuid::Uuid::now_v7());
    let mut wait = FIRST_WAIT;
    loop {
        let reservation = (Arc::clone(store), Arc::clone(&key));
        let lookup = ask(store, move |store| {
            let (own, key) = reservation;
            Ok(match store.reserve(&key, id)? {
                // Made here, so that the key is released if the caller is dropped before it gets the answer.
                Reserved::Granted => {
                    Ok(KeyLookup::Reserved(Reservation { store: own, key, id, is_open: true }))
                }
                Reserved::Begun(run) => Ok(KeyLookup::Begun(run)),
                Reserved::Held(run, owner) => Err(StoreError::Owned { id: run, owner }),
            })
        });
        match lookup.await? {
            Ok(found) => return Ok(found),
            Err(held) if wait > LAST_WAIT => return Err(held),
            Err(_) => clock::sleep(wait).await,
        }
        wait *= 2;
    }
}

impl<B: FlowBody> IntoFuture for Keyed<B> {
    type Output = Result<B::Output, Error<B::Error>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.run().await.into_result() })
    }
}
