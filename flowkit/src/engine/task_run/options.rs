//! The options of one call, and how they combine with those of its attribute, its flow and the runtime.

use std::borrow::Cow;
use std::panic::Location;
use std::sync::Arc;

use super::core::RunScope;
use super::inputs::Input;
use crate::engine::body::{Body, TaskInfo};
use crate::engine::context::Current;
use crate::engine::hook::Hook;
use crate::engine::limits::Want;
use crate::engine::replay::previous::ResumedRun;
use crate::engine::runtime::Runtime;
use crate::model::{Declaration, FlowRunId, Kind};
use crate::policy::TaskPolicy;

/// A call without its arguments.
#[doc(hidden)]
pub struct Setup<E> {
    pub(crate) current: Option<Current>,
    pub(crate) options: Option<Box<CallOptions<E>>>,
    pub(crate) index: Option<u32>,
    pub(crate) location: &'static Location<'static>,
}

/// When a hook is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    Running,
    Success,
    Failure,
    Retry,
    Cancel,
}

/// How a call uses the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum CacheUse {
    #[default]
    AsDeclared,
    Off,
    Refresh,
}

pub(crate) type RetryIf<E> = Box<dyn Fn(&E) -> bool + Send + Sync>;

/// The options of one call. Boxed, since most calls have none.
pub(crate) struct CallOptions<E> {
    pub(crate) policy: TaskPolicy,
    /// The task under the name that this call gives it.
    pub(crate) task: Option<&'static Declaration>,
    pub(crate) name: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) order: Vec<Arc<dyn Input>>,
    pub(crate) branch: Option<Arc<str>>,
    /// Why the call is not made: it is recorded as skipped once its inputs have ended.
    pub(crate) skip: Option<String>,
    pub(crate) limits: Option<Vec<Want>>,
    /// How many tasks of the flow may run at the same time.
    pub(crate) max_concurrency: Option<u32>,
    pub(crate) cache: CacheUse,
    pub(crate) retry_if: Option<RetryIf<E>>,
    pub(crate) hooks: Vec<(Occasion, Box<dyn Hook>)>,
    pub(crate) runtime: Option<Runtime>,
    /// The id of the run and the key that is reserved for it, for a flow that runs once per key.
    pub(crate) keyed: Option<(FlowRunId, Arc<str>)>,
    /// The arguments of a flow as a JSON object, if the caller has serialized them already.
    pub(crate) arguments: Option<String>,
    /// The run that is resumed, for a flow.
    pub(crate) resumed: Option<Box<ResumedRun>>,
}

impl<E> Default for CallOptions<E> {
    fn default() -> Self {
        Self {
            policy: TaskPolicy::EMPTY,
            task: None,
            name: None,
            tags: Vec::new(),
            order: Vec::new(),
            branch: None,
            skip: None,
            limits: None,
            max_concurrency: None,
            cache: CacheUse::default(),
            retry_if: None,
            hooks: Vec::new(),
            runtime: None,
            keyed: None,
            arguments: None,
            resumed: None,
        }
    }
}

/// Returns the task that is called, under the name that the call gives it.
pub(crate) fn declaration_of<B: Body>(options: Option<&CallOptions<B::Error>>) -> &'static Declaration {
    options.and_then(|options| options.task).unwrap_or(&B::info().declaration)
}

/// Returns what names the called function in keys: also by the name that the call gives its task.
pub(crate) fn identity_of<B: Body>(options: Option<&CallOptions<B::Error>>) -> Cow<'static, str> {
    match options.and_then(|options| options.task) {
        Some(task) if task.name != B::info().declaration.name => {
            format!("{}\n{}", B::identity(), task.name).into()
        }
        _ => B::identity().into(),
    }
}

/// Combines the policies of the call, the attribute, the flow's task defaults and the runtime's. The first that sets an
/// option wins.
///
/// `None` means that only the attribute sets any, which is the common case and costs nothing. Defaults are for tasks: a
/// flow does not use its own.
pub(crate) fn effective_policy<E>(
    options: Option<&CallOptions<E>>,
    info: &TaskInfo,
    scope: &RunScope,
) -> Option<Box<TaskPolicy>> {
    let of_call = options.map(|options| &options.policy).filter(|policy| **policy != TaskPolicy::EMPTY);
    let defaults = match scope {
        _ if info.declaration.kind == Kind::Flow => None,
        RunScope::Flow(attempt) => attempt.run.task_defaults.as_ref(),
        RunScope::Outside(runtime) => {
            Some(runtime.task_defaults()).filter(|policy| **policy != TaskPolicy::EMPTY)
        }
    };
    if of_call.is_none() && defaults.is_none() {
        return None;
    }
    let declared = of_call.map_or_else(|| info.policy.clone(), |policy| policy.or(&info.policy));
    Some(Box::new(defaults.map_or_else(|| declared.clone(), |defaults| declared.or(defaults))))
}
