//! Calls that cannot be told from others, because one of their arguments cannot be compared: the messages about them, and when
//! they may not run. That no recorded outcome is reused for them is decided in `policy/resume`.

use std::collections::HashSet;

use parking_lot::Mutex;

use super::memo::ResultMemo;
use crate::engine::body::Body;
use crate::engine::call_key::ArgumentsKey;
use crate::model::{Declaration, Identity, Refusal};

/// Returns why a call may not run because it cannot be told from others, if so.
pub(crate) fn refusal<B: Body>(
    identity: Identity,
    inputs: &ArgumentsKey,
    name: Option<&str>,
    memo: &ResultMemo,
) -> Option<Refusal> {
    if let Some(missing) = &inputs.missing_key {
        return Some(Refusal::NoSealKey { reason: missing.to_string() });
    }
    let (argument, unknown) = (identity.unknown?, inputs.unknown.as_ref()?);
    let declaration = &B::info().declaration;
    if let Some(name) = name {
        // The name told the first such call apart, until this second one came.
        memo.mark_ambiguous(&identity.call.key);
        if is_first_time(declaration, "name") {
            tracing::warn!(
                "two calls of `{}` are named {name:?} and differ in nothing that can be compared: both are made again",
                declaration.name
            );
        }
    }
    B::info().at_most_once.then(|| {
        let reason = unknown.reason.clone().unwrap_or_else(|| "its type is not `Serialize`".to_owned());
        Refusal::NoIdentity { argument: argument.to_owned(), reason }
    })
}

/// Logs once that results of a task's calls are not reused: when the first such call is made, and when one is made again.
pub(crate) fn warn(declaration: &'static Declaration, argument: &'static str, again: bool) {
    if again && is_first_time(declaration, "again") {
        tracing::warn!("{}", Identity::words(declaration.kind, declaration.name, argument));
    } else if !again && is_first_time(declaration, argument) {
        tracing::info!("{}", Identity::words(declaration.kind, declaration.name, argument));
    }
}

/// Whether this is the first message of its kind about a task in this process.
fn is_first_time(declaration: &'static Declaration, kind: &'static str) -> bool {
    static LOGGED: Mutex<Option<HashSet<(&str, &str)>>> = Mutex::new(None);
    LOGGED.lock().get_or_insert_default().insert((declaration.path, kind))
}
