//! A call of a flow whose types the caller does not know: its arguments are JSON, and so is its result. For servers and queues,
//! where a request names the flow. Which of the arguments are wrong is said in `arguments`.

use std::fmt;
use std::future::IntoFuture;
use std::panic::Location;

use futures_util::future::BoxFuture;

use crate::engine::runtime::Runtime;
use crate::engine::spec::{AnyFlowResult, FlowSpec, RunOptions, UntypedCall};
use crate::flow::arguments::{ArgumentMistake, ArgumentsError};
use crate::value::json::{Json, JsonError};

/// A call of a flow with arguments as JSON. Made by [`FlowSpec::start`]; await it.
#[must_use = "nothing runs until this is awaited"]
pub struct AnyFlowCall {
    flow: FlowSpec,
    call: UntypedCall,
    options: RunOptions,
}

impl FlowSpec {
    /// Calls the flow with arguments as a JSON object, in which a parameter with a default and an `Option` may be left out.
    ///
    /// The arguments are read at once, so that a request can be refused before anything runs. A flow is found by its name with
    /// [`Runtime::flow`].
    ///
    /// ```
    /// use flowkit::prelude::*;
    /// use flowkit::Runtime;
    ///
    /// #[flow]
    /// async fn etl(rows: u32, #[param(default = false)] dry_run: bool) -> Result<u32> {
    ///     Ok(if dry_run { 0 } else { rows })
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() {
    /// let runtime = Runtime::builder().flow(etl::spec()).build();
    /// let etl = runtime.flow("etl").unwrap();
    ///
    /// let run = etl.start(r#"{"rows": 3}"#).unwrap().on(&runtime).tag("nightly").await.unwrap();
    /// assert_eq!(run.value(), Some("3"));
    ///
    /// let refused = etl.start(r#"{"rows": "three"}"#).unwrap_err();
    /// assert_eq!(refused.mistakes()[0].parameter(), Some("rows"));
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the arguments; also if one of the parameters is not `Deserialize`.
    #[track_caller]
    pub fn start(&self, arguments: &str) -> Result<AnyFlowCall, ArgumentsError> {
        self.check_keys(arguments)?;
        let call = self.call(arguments)?;
        Ok(AnyFlowCall { flow: *self, call, options: RunOptions::at(Location::caller()) })
    }

    /// Reads arguments that are a JSON object.
    pub(crate) fn call(&self, arguments: &str) -> Result<UntypedCall, ArgumentsError> {
        let unread = || {
            let parameters = self.all_parameters();
            let unread = parameters.iter().find(|parameter| !parameter.is_read);
            let parameter = unread.map(|parameter| parameter.name).unwrap_or_default().to_owned();
            ArgumentsError::from(ArgumentMistake::NotDeserialize { parameter })
        };
        (self.call)(arguments).ok_or_else(unread)?.map_err(ArgumentsError::of)
    }

    /// Refuses two equal keys in one object: of a map, serde would take the last in silence.
    fn check_keys(&self, arguments: &str) -> Result<(), ArgumentsError> {
        let Err(error @ JsonError::Twice { .. }) = Json::parse(arguments) else { return Ok(()) };
        let JsonError::Twice { path, .. } = &error else { return Ok(()) };
        // A parameter that is given twice is found with all the other mistakes.
        let Some((parameter, _)) = path.split_once('.') else { return Ok(()) };
        let has_secrets = self.all_parameters().iter().any(|known| known.param_type.may_hold_secret());
        let reason = if has_secrets { error.without_key() } else { error.to_string() };
        Err(ArgumentMistake::Invalid { parameter: parameter.to_owned(), reason }.into())
    }
}

impl AnyFlowCall {
    /// Uses this runtime instead of the ambient one.
    pub fn on(mut self, runtime: &Runtime) -> Self {
        self.options.runtime = Some(runtime.clone());
        self
    }

    /// Names the run.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.options.name = Some(name.into());
        self
    }

    /// Tags the run; may be called several times.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.options.tags.push(tag.into());
        self
    }

    /// Runs the flow once for `key`, as [`Call::idempotency_key`](crate::Call::idempotency_key) does.
    pub fn idempotency_key(mut self, key: impl Into<String>) -> Self {
        self.options.key = Some(key.into());
        self
    }
}

impl fmt::Debug for AnyFlowCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnyFlowCall").field("flow", &self.flow.name()).finish_non_exhaustive()
    }
}

impl IntoFuture for AnyFlowCall {
    type Output = AnyFlowResult;
    type IntoFuture = BoxFuture<'static, AnyFlowResult>;

    fn into_future(self) -> Self::IntoFuture {
        (self.call.begin)(self.options)
    }
}
