//! A flow run that exists once for its key, whoever asks for it and however often.

use std::future::IntoFuture;
use std::panic::Location;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;

use crate::call::Call;
use crate::engine::clock;
use crate::engine::context;
use crate::engine::flow_run::start::{Started, finish, start};
use crate::engine::recover::kept::ask;
use crate::engine::runtime::Runtime;
use crate::engine::task_run::launch;
use crate::engine::task_run::options::CallOptions;
use crate::flow::{FlowBody, FlowRun, RunningFlow};
use crate::model::{Error, FlowRunId, Refusal};
use crate::resume::Resume;
use crate::store::{Store, StoreError};
use crate::task::Body;

/// How often it is looked whether a run that somebody is about to begin has begun.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Whoever is about to begin a run does so within this many looks, or is not going to.
const LOOKS_MAX: u32 = 200;

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
    /// It gives the result of the run that there is, or goes on with it if it crashed, was put aside or failed
    /// ([`Resume`]). While another call runs it, this one is refused with the name of the owner. The key is kept as long
    /// as the run is. It needs a runtime with a store.
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
        let runtime = options.runtime.take().unwrap_or_else(context::runtime);
        let store = runtime.store().ok_or_else(|| refused(Refusal::NoStore))?;
        // The key is one of this flow: others may have the same.
        let key = format!("{}\n{key}", B::info().declaration.path);
        let own = FlowRunId::new(uuid::Uuid::now_v7());
        let found = reserve(store, key, own)
            .await
            .map_err(|error| Error::Store { run: label.clone(), source: Arc::new(error) })?;
        if found != own {
            return Resume::with_body(found, body, &runtime, location).start().await;
        }
        options.runtime = Some(Runtime::clone(&runtime));
        options.id = Some(own);
        start(body, Some(options), context::current().as_ref(), location).map_err(refused)
    }
}

/// Returns the run that the key stands for: `own`, which is then to be begun, or one that has begun.
async fn reserve(store: &Arc<dyn Store>, key: String, own: FlowRunId) -> Result<FlowRunId, StoreError> {
    let key: Arc<str> = key.into();
    let mut looks = 0;
    loop {
        let key = Arc::clone(&key);
        let give_up = looks >= LOOKS_MAX;
        let (found, has_begun) = ask(store, move |store| {
            let found = store.reserve(&key, own, give_up)?;
            Ok((found, found == own || store.flow_run(found)?.is_some()))
        })
        .await?;
        if has_begun {
            return Ok(found);
        }
        // Somebody reserved it a moment ago.
        looks += 1;
        clock::sleep(LOOK_EVERY).await;
    }
}

impl<B: FlowBody> IntoFuture for Keyed<B> {
    type Output = Result<B::Output, Error<B::Error>>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let started = self.start().await?;
            finish(started, &B::info().declaration).await
        })
    }
}
