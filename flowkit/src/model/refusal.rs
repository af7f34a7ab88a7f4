//! Why flowkit refuses to run something: mistakes in the calling code that types cannot catch.

use super::{FlowRunId, OwnerName};

/// Why flowkit refused a call, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A task was submitted where no flow is running.
    #[error(
        "it was submitted outside a flow at {location}; call it inside a `#[flow]`, or await it directly"
    )]
    OutsideFlow {
        /// The location of the call, as `file:line`.
        location: String,
    },
    /// A task was called after the end of its flow run.
    #[error("its flow run has ended; a call made in a spawned task must be awaited by the flow")]
    FlowEnded,
    /// The lists passed to `map` differ in length.
    #[error("`map` zips its lists, and their lengths differ: {lengths:?}")]
    UnequalLengths {
        /// The lengths, in the order of the parameters; constants are left out.
        lengths: Vec<usize>,
    },
    /// The call needs more slots of a limit than the limit has.
    #[error("it asks for {weight} of the limit `{limit}`, which has {slots}")]
    WeightExceedsLimit {
        /// The name of the limit.
        limit: String,
        /// The number of slots that the call needs.
        weight: u32,
        /// The number of slots that the limit has.
        slots: u32,
    },
    /// Flows are nested too deep: most likely they call each other without end.
    #[error("it would be nested {depth} flows deep, and {} is the most: does a flow call itself without end?", .depth - 1)]
    DepthExceeded {
        /// The depth that it would have.
        depth: u32,
    },
    /// The inputs could not be turned into a cache key.
    #[error("its inputs cannot be turned into a cache key: {reason}")]
    CacheKey {
        /// Why not.
        reason: String,
    },
    /// The process died several times while the task was running.
    #[error(
        "its process died {crashes} times while it was running; find out why, then run it again with `retry_failed`"
    )]
    Poison {
        /// The number of times.
        crashes: u32,
    },
    /// The task may run at most once, and one of its arguments cannot be compared with that of another call: after a crash, it
    /// would not be known whether it is the same call.
    #[error(
        "it may run at most once, and its argument `{argument}` cannot be told from others: {reason}; give the task `key = |…| …`, or `ignore(…)` what makes no difference"
    )]
    NoIdentity {
        /// The argument, as `name: Type`.
        argument: String,
        /// Why not.
        reason: String,
    },
    /// The call has secrets, and the key for comparing them is missing.
    #[error("{reason}")]
    NoSealKey {
        /// What is missing, and what to do.
        reason: String,
    },
    /// The task may run at most once, and the same call has begun in an earlier process with another input or secret.
    #[error(
        "it ran in an earlier process with another value of {what}, and may run at most once; check what it has done, then `rerun --from {task}`, or pass the old value"
    )]
    InputsChanged {
        /// The name of the task.
        task: String,
        /// What has changed: the name of an input, or `a secret`.
        what: String,
    },
    /// The task may run at most once, and its process died while it was running.
    #[error(
        "it may run at most once, and the outcome of its last attempt is unknown; check what it has done, then decide"
    )]
    UnknownOutcome,
    /// The task has run, and its result has to be persisted (`at_most_once`, `persist = "always"`, `once`) and cannot be.
    ///
    /// Neither a retry of the flow nor `retry_failed` runs it again, because its effects have happened.
    #[error(
        "it has run, but its result has to be persisted and cannot be: {reason}; \
         let it return a value that can be, then `.rerun_from(\"{task}\")` runs it again"
    )]
    NotPersisted {
        /// The name of the task.
        task: String,
        /// Why the result cannot be persisted.
        reason: String,
    },
    /// The task has ended in an earlier process and may run at most once, and its persisted result is lost.
    #[error(
        "it may run at most once and has run in an earlier process, but its persisted result is lost: {reason}; \
         check what it has done, then `.rerun_from(\"{task}\")` runs it again"
    )]
    ResultLost {
        /// The name of the task.
        task: String,
        /// What is wrong with the result.
        reason: String,
    },
    /// The task has ended in an earlier process, and its persisted result is not of the task's current type.
    #[error(
        "its persisted result can no longer be read: {reason}; resume with `.rerun_from(\"{task}\")` to run it again"
    )]
    ResultChanged {
        /// The name of the task.
        task: String,
        /// What does not fit.
        reason: String,
    },
    /// A run that is resumed with `strict` makes other calls than those recorded.
    #[error(
        "the run has recorded `{recorded}`, and {}; without `.strict()` the run continues",
        got.as_ref().map_or_else(|| "never calls it again".to_owned(), |got| format!("calls `{got}` instead"))
    )]
    Diverged {
        /// The label of a task run that is recorded and was not called again.
        recorded: String,
        /// The label of the call that was made instead; `None` if the body of the flow has returned.
        got: Option<String>,
    },
    /// A run was to be resumed in a runtime without a store.
    #[error(
        "its runtime has no store; build one with `Runtime::builder().store(…)`, and pass it with `.on(&runtime)`"
    )]
    NoStore,
    /// A call has an idempotency key, but the runs of its flow are not persisted, so that the key could not be found again.
    #[error(
        "its runs are not persisted (`durability = \"memory\"`), so its key would be lost; remove the key or the durability"
    )]
    KeyInMemory,
    /// The runtime does not know the flow of the run that was to be resumed.
    #[error(
        "the runtime does not know the flow `{flow}`, but {}; add `.flow({flow}::spec())` to its builder",
        if known.is_empty() { "no flow at all".to_owned() } else { format!("`{}`", known.join("`, `")) }
    )]
    UnknownFlow {
        /// The flow of the run.
        flow: String,
        /// The flows that the runtime knows.
        known: Vec<String>,
    },
    /// A run was to be rerun from a task that it has not called.
    #[error(
        "run `{run}` has no task `{task}`; {}",
        match crate::text::wording::nearest(task, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean `{near}`?"),
            None if known.is_empty() => "it has called none".to_owned(),
            None => format!("it has {}", crate::text::wording::list(known)),
        }
    )]
    NoSuchTask {
        /// The short id of the run.
        run: String,
        /// The requested name.
        task: String,
        /// The names of the tasks that the run has called.
        known: Vec<String>,
    },
    /// The arguments of the run that was to be resumed are not persisted.
    #[error(
        "the arguments of run `{run}` are not persisted; derive `Serialize` and `Deserialize` for all of them"
    )]
    NoArguments {
        /// The short id of the run.
        run: String,
    },
    /// The run that was to be resumed is a run of another flow.
    #[error("run `{run}` is a run of the flow `{recorded}`")]
    OtherFlow {
        /// The short id of the run.
        run: String,
        /// The flow of the run.
        recorded: String,
    },
    /// The arguments of the run that was to be resumed no longer fit the flow.
    #[error("the persisted arguments of run `{run}` do not fit the flow: {reason}")]
    Arguments {
        /// The short id of the run.
        run: String,
        /// What does not fit.
        reason: String,
    },
    /// Another process runs the flow run to which the idempotency key of the call belongs, or is about to begin it. Nothing ran
    /// here: a server may answer 409 (Conflict).
    ///
    /// In one runtime this happens only to a call that would have to wait for itself, since a second call waits for the first.
    #[error("its idempotency key belongs to flow run `{}`, which is being run by {owner}; wait for it, or cancel it there", .held_by.short())]
    KeyHeld {
        /// The run to which the key belongs.
        held_by: FlowRunId,
        /// The process that runs it.
        owner: OwnerName,
    },
    /// This process was paused for so long that another one took over its idempotency key and began a run for it.
    #[error(
        "another process has begun a run for its idempotency key, because this one was unresponsive for too long; nothing ran \
         here: call it again to get the result of that run"
    )]
    KeyTaken,
    /// The runtime is being shut down.
    #[error("the program stops, so no more flow runs begin")]
    ShuttingDown,
    /// There is no tokio runtime.
    #[error("there is no tokio runtime here; use `#[tokio::main]`, or call it inside `Runtime::block_on`")]
    OutsideTokio,
}
