//! A flow run that exists once for its key, for any number of callers in any process.

use std::future::IntoFuture;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::clock;
use crate::engine::body::Body;
use crate::engine::body::FlowBody;
use crate::engine::context;
use crate::engine::flow_run::begin::durability;
use crate::engine::flow_run::start::{Started, start, wait_for_end};
use crate::engine::replay::run_store::ask;
use crate::engine::runtime::Runtime;
use crate::engine::task_run::launch;
use crate::engine::task_run::options::CallOptions;
use crate::failpoint;
use crate::flow::resume::Resume;
use crate::flow::{FlowRun, RunningFlow};
use crate::model::{Error, FlowRunId, Refusal};
use crate::policy::durability::Durability;
use crate::store::{Reserved, Store, StoreError};
use crate::task::call::Call;

/// How long to wait before asking again whether another process has begun the run for which it reserved the key. It doubles
/// up to the second, so that a caller waits two seconds for a process that usually needs some milliseconds.
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
    /// one, begins no second run.
    ///
    /// It gives the result of the run that there is, or goes on with it if it crashed, was suspended or failed
    /// ([`Resume`]). While another call runs it, or is about to, this one is refused with the name of the owner: the key stays
    /// with its process for as long as that lives, also while it stands still. The key is kept as long as the run is. It
    /// needs a runtime with a store, and a flow whose runs are kept there.
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
    /// Runs the flow, or finds its run, and gives everything that is known of it, whether it failed or not.
    pub async fn run(self) -> FlowRun<B::Output, B::Error> {
        match self.start().await {
            Ok(started) => RunningFlow::of(launch::label::<B>(None), started).await,
            Err(error) => FlowRun::refused(error),
        }
    }

    async fn start(self) -> Result<Started<B::Output, B::Error>, Error<B::Error>> {
        let Self { body, options, key, location } = self;
        let label = launch::label::<B>(None);
        let refused = |refusal| Error::Refused { run: label.clone(), refusal };
        let mut options = options.unwrap_or_default();
        let parent = context::current();
        // Inside a flow the run begins in the runtime of that flow, so the key is asked for there, too.
        let runtime = match &parent {
            Some(parent) => parent.core().runtime().clone(),
            None => options.runtime.take().unwrap_or_else(context::runtime),
        };
        let outer = parent.as_ref().and_then(|parent| parent.core().run());
        if durability(B::info().flow.durability, outer, &runtime) == Durability::Memory {
            return Err(refused(Refusal::KeyInMemory));
        }
        let store = runtime.store().ok_or_else(|| refused(Refusal::NoStore))?;
        // The key is one of this flow: others may have the same.
        let key = format!("{}\n{key}", B::info().declaration.path).into();
        let found = find_or_reserve(store, key)
            .await
            .map_err(|error| Error::Store { run: label.clone(), source: Arc::new(error) })?;
        let reservation = match found {
            KeyLookup::Reserved(reservation) => reservation,
            KeyLookup::Begun(run) => return Resume::with_body(run, body, &runtime, location).start().await,
        };
        failpoint::reach("after-reserve");
        options.runtime = Some(Runtime::clone(&runtime));
        options.keyed = Some((reservation.id, Arc::clone(&reservation.key)));
        let started = start(body, Some(options), parent.as_ref(), location).map_err(refused)?;
        reservation.close();
        Ok(started)
    }
}

/// What there is for a key.
enum KeyLookup {
    /// A run that has begun, in this process or another one.
    Begun(FlowRunId),
    /// Nothing so far: the caller begins a run.
    Reserved(Reservation),
}

/// A key that is reserved for a run of this process. Dropped before the run begins, it is given back: the call may be dropped
/// while it waits for the store, or be refused.
struct Reservation {
    store: Arc<dyn Store>,
    key: Arc<str>,
    id: FlowRunId,
    is_open: bool,
}

impl Reservation {
    /// Says that the run has begun, or is told by the store that it may not: the reservation is nobody's any more.
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

/// Finds the run that the key stands for, or reserves the key. Waits for another process that has reserved it and is about to
/// begin its run; one that lives and does not begin is named in the error.
async fn find_or_reserve(store: &Arc<dyn Store>, key: Arc<str>) -> Result<KeyLookup, StoreError> {
    let id = FlowRunId::new(uuid::Uuid::now_v7());
    let mut wait = FIRST_WAIT;
    loop {
        let reservation = (Arc::clone(store), Arc::clone(&key));
        let asked = ask(store, move |store| {
            let (own, key) = reservation;
            Ok(match store.reserve(&key, id)? {
                // Made here, so that the key is given back if nobody waits for this answer any more.
                Reserved::Granted => {
                    Ok(KeyLookup::Reserved(Reservation { store: own, key, id, is_open: true }))
                }
                Reserved::Begun(run) => Ok(KeyLookup::Begun(run)),
                Reserved::Held(run, owner) => Err(StoreError::Owned { id: run, owner }),
            })
        });
        match asked.await? {
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
        Box::pin(async move {
            let started = self.start().await?;
            wait_for_end(started, &B::info().declaration).await
        })
    }
}
