//! A flow without its types: found by name at run time, as a command line and a resumed run need it.

use std::future::IntoFuture;
use std::panic::Location;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::engine::body::FlowBody;
use crate::engine::runtime::Runtime;
use crate::engine::spec::{Ended, FlowSpec, ResumeOptions};
use crate::flow::FlowRun;
use crate::flow::resume::Resume;
use crate::model::{Error, FlowRunId, Kind, Refusal, RunLabel};
use crate::policy::resume::Redo;

/// A flow by its type: what `#[flow]` makes of a function without type parameters.
pub trait Flow {
    /// Returns the flow without its types.
    fn spec() -> FlowSpec;
}

impl FlowSpec {
    #[doc(hidden)]
    pub fn __of<B: FlowBody>() -> Self {
        Self {
            declaration: &B::info().declaration,
            #[cfg(feature = "store")]
            parameters: B::parameters,
            #[cfg(feature = "cli")]
            begin: crate::flow::start::begin::<B>,
            resume: |id, runtime, how, location| Box::pin(resumed::<B>(id, runtime, how, location)),
        }
    }
}

async fn resumed<B: FlowBody>(
    id: FlowRunId,
    runtime: Runtime,
    how: ResumeOptions,
    location: &'static Location<'static>,
) -> Ended {
    let run: FlowRun<B::Output, B::Error> = Resume::<B>::with_options(id, runtime, how, location).run().await;
    run.without_types(B::codec())
}

impl Runtime {
    /// Goes on with a flow run of one of the flows that this runtime [knows](crate::RuntimeBuilder::flow), by id alone.
    /// Await it. See [`Resume`] for what that means.
    ///
    /// ```
    /// # use flowkit::prelude::*;
    /// # use flowkit::{Runtime, store::MemoryStore};
    /// #[flow]
    /// async fn etl(rows: u32) -> Result<u32> { Ok(rows * 2) }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let runtime = Runtime::builder().store(MemoryStore::new()).flow(etl::spec()).build();
    /// let id = etl(21).on(&runtime).run().await.id().unwrap();
    /// let run = runtime.resume(id).await.unwrap();
    /// assert_eq!(run.value(), Some("42"));
    /// # }
    /// ```
    #[track_caller]
    pub fn resume(&self, run: FlowRunId) -> ResumeAny {
        ResumeAny { run, runtime: self.clone(), how: ResumeOptions::default(), location: Location::caller() }
    }
}

/// A flow run that is resumed by its id. Made by [`Runtime::resume`]; await it.
#[must_use = "nothing is resumed until this is awaited"]
#[derive(Debug)]
pub struct ResumeAny {
    run: FlowRunId,
    runtime: Runtime,
    how: ResumeOptions,
    location: &'static Location<'static>,
}

impl ResumeAny {
    /// Does again what failed for good. See [`Resume::retry_failed`].
    pub fn retry_failed(mut self) -> Self {
        self.how.redo = Some(Redo::Failed);
        self
    }

    /// Does a task again, and everything that used its results. See [`Resume::rerun_from`].
    pub fn rerun_from(mut self, task: impl Into<String>) -> Self {
        self.how.redo = Some(Redo::From(task.into()));
        self
    }

    /// Refuses what is not recorded. See [`Resume::strict`].
    pub fn strict(mut self) -> Self {
        self.how.strict = true;
        self
    }

    /// Goes on with these arguments, a JSON object, instead of those that were kept.
    pub(crate) fn with_arguments(mut self, arguments: String) -> Self {
        self.how.arguments = Some(arguments);
        self
    }

    async fn go_on(self) -> Ended {
        let label = |name: String| RunLabel::new(Kind::Flow, name);
        let refused = |name: String, refusal| Err(Error::Refused { run: label(name), refusal });
        let Some(store) = self.runtime.store() else { return refused(self.run.short(), Refusal::NoStore) };
        let id = self.run;
        let found = crate::engine::replay::run_store::ask(store, move |store| store.flow_run(id)).await;
        let row = match found {
            Ok(Some(row)) => row,
            Ok(None) => {
                let source = crate::store::StoreError::UnknownRun { id: id.to_string() };
                return Err(Error::Store { run: label(id.short()), source: Arc::new(source) });
            }
            Err(error) => return Err(Error::Store { run: label(id.short()), source: Arc::new(error) }),
        };
        match self.runtime.flows().iter().find(|flow| flow.declaration.path == row.path) {
            Some(flow) => (flow.resume)(id, self.runtime.clone(), self.how, self.location).await,
            None => {
                let known = self.runtime.flows().iter().map(|flow| flow.name().to_owned()).collect();
                refused(row.flow.clone(), Refusal::UnknownFlow { flow: row.flow, known })
            }
        }
    }
}

impl IntoFuture for ResumeAny {
    type Output = Ended;
    type IntoFuture = BoxFuture<'static, Ended>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.go_on())
    }
}
