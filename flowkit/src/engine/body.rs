//! The engine's view of a function that became a task or a flow: the port that the generated code of the attributes
//! implements. How it is called, [`Dispatch`](crate::task::dispatch::Dispatch) decides.

use std::error::Error as StdError;
use std::future::Future;

use crate::engine::call_key::CallKey;
use crate::engine::flow_run::tally::Tally;
use crate::engine::hook::Hook;
use crate::engine::limits::Want;
use crate::engine::task_run::inputs::Visit;
use crate::engine::task_run::options::Occasion;
use crate::model::{BoxError, Codec, Declaration, Digest, DigestError, TaskError};
use crate::policy::TaskPolicy;
use crate::policy::cache::KeyInput;
use crate::policy::durability::Durability;
use crate::value::canonical::Sealing;

/// What a task may return: any owned type that threads may share.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the result of a task",
    label = "flowkit shares this value between tasks on several threads",
    note = "a task's result needs `Send + Sync + 'static`; put a `Mutex` around what is not `Sync`"
)]
pub trait TaskOutput: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: Send + Sync + 'static> TaskOutput for T {}

/// A task or a flow with everything in its attribute. One `static` per task.
#[doc(hidden)]
#[derive(Debug)]
pub struct TaskInfo {
    pub declaration: Declaration,
    pub policy: TaskPolicy,
    pub limits: &'static [Want],
    pub hooks: Hooks,
    pub cache: CacheScope,
    pub blocking: bool,
    /// An attempt without a known outcome is never repeated.
    pub at_most_once: bool,
    /// Where there is a store, a result that cannot be persisted is a failure.
    pub must_persist: bool,
    pub flow: FlowSettings,
}

/// How long a cached result is reused for an equal call.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheScope {
    Off,
    Run,
    Runtime,
}

/// The settings that only a flow's attribute has.
#[doc(hidden)]
#[derive(Debug)]
pub struct FlowSettings {
    pub task_defaults: TaskPolicy,
    pub max_concurrency: Option<u32>,
    pub fail_on_any_task: bool,
    pub durability: Option<Durability>,
}

impl FlowSettings {
    pub const NONE: Self = Self {
        task_defaults: TaskPolicy::EMPTY,
        max_concurrency: None,
        fail_on_any_task: false,
        durability: None,
    };
}

/// The hooks of an attribute.
#[doc(hidden)]
#[derive(Debug)]
pub struct Hooks {
    pub on_running: &'static [&'static dyn Hook],
    pub on_success: &'static [&'static dyn Hook],
    pub on_failure: &'static [&'static dyn Hook],
    pub on_retry: &'static [&'static dyn Hook],
    pub on_cancel: &'static [&'static dyn Hook],
}

impl Hooks {
    pub const NONE: Self =
        Self { on_running: &[], on_success: &[], on_failure: &[], on_retry: &[], on_cancel: &[] };

    /// Whether there are any.
    pub(crate) fn any(&self) -> bool {
        let all = [self.on_running, self.on_success, self.on_failure, self.on_retry, self.on_cancel];
        all.iter().any(|hooks| !hooks.is_empty())
    }

    pub(crate) fn of(&self, occasion: Occasion) -> &'static [&'static dyn Hook] {
        match occasion {
            Occasion::Running => self.on_running,
            Occasion::Success => self.on_success,
            Occasion::Failure => self.on_failure,
            Occasion::Retry => self.on_retry,
            Occasion::Cancel => self.on_cancel,
        }
    }
}

/// A function with its arguments, ready to run: what the attributes generate.
#[doc(hidden)]
pub trait Body: Send + Sized {
    type Output: TaskOutput;
    type Error: TaskError;

    fn info() -> &'static TaskInfo;

    /// Names the function for keys: its path, through functions too, and its generic arguments.
    fn identity() -> &'static str;

    /// Visits the handles among the arguments.
    fn visit(&self, visit: &mut Visit<'_>);

    /// Visits the handles whose values may change the result: without ignored arguments.
    fn visit_compared(&self, visit: &mut Visit<'_>) {
        self.visit(visit);
    }

    /// Copies the body for another attempt; `None` if an argument cannot be cloned.
    fn again(&self) -> Option<Self>;

    /// Runs one attempt where it is awaited.
    fn run(self) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send;

    /// Runs one attempt of a submitted call: blocking code goes to the pool.
    fn run_detached(self) -> impl Future<Output = Result<Self::Output, Self::Error>> + Send
    where
        Self: 'static,
    {
        self.run()
    }

    /// Shows the error as an [`StdError`], if it is one.
    fn as_error(error: &Self::Error) -> Option<&(dyn StdError + 'static)>;

    fn retry_if(_error: &Self::Error) -> bool {
        true
    }

    /// The name of this run; `None` if an argument that the template needs has no value.
    fn run_name(&self) -> Option<String> {
        None
    }

    /// The digest of the inputs for the cache, with their secrets; what it is made of goes to `parts`, for people.
    fn cache_key(
        &self,
        _sealing: Sealing<'_>,
        _parts: Option<&mut Vec<KeyInput>>,
    ) -> Result<Digest, DigestError> {
        Err(DigestError::Refused { reason: "the task is not cached".to_owned() })
    }

    /// Adds the arguments to the key by which the call is found again, in a later attempt of the flow or in another
    /// process.
    fn call_key(&self, key: &mut CallKey<'_>);

    /// The digest of a result, to compare one that is made again; `None` if it has none.
    fn digest_output(_output: &Self::Output) -> Option<Digest> {
        None
    }

    /// How a result is persisted; `None` if its type cannot be serialized and deserialized, or if the attribute opts out.
    fn codec() -> Option<Codec<Self::Output>> {
        None
    }

    /// Copies a result for the cache; `None` if it cannot be cloned.
    fn copy_output(_output: &Self::Output) -> Option<Self::Output> {
        None
    }
}

/// The body of a flow: what `#[flow]` generates.
#[doc(hidden)]
pub trait FlowBody: Body + 'static {
    /// Returns the arguments as a JSON object; `None` if one is a handle, or cannot be serialized.
    fn arguments(&self) -> Option<String> {
        None
    }

    /// Rebuilds the body from what [`arguments`](Self::arguments) returned; `None` if an argument cannot be deserialized at
    /// all.
    fn from_arguments(_json: &str) -> Option<std::result::Result<Self, BoxError>> {
        None
    }

    /// Describes the parameters for people, also those that cannot be deserialized.
    #[cfg(feature = "store")]
    fn parameters() -> Vec<crate::value::parameters::Parameter> {
        Vec::new()
    }

    /// Counts the handles in what the flow returned.
    fn tally(_output: &Self::Output, _tally: &mut Tally) {}
}
