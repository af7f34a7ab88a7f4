//! Calls that cannot be told from others, since an argument of theirs cannot be compared: what is said about them, and when
//! they may not run. Not: what is taken over for them, which is nothing, see `policy/resume`.

use std::collections::HashSet;

use parking_lot::Mutex;

use super::memo::ResultMemo;
use crate::engine::body::Body;
use crate::engine::call_key::ArgumentsKey;
use crate::model::{Declaration, Identity, Refusal};

/// Looks at a call that cannot be told from others; returns why it may not run, if it may not.
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
        // The first call of the name was told apart by it, and is as doubtful now.
        memo.doubt(&identity.call.key);
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

/// Says once that calls of a task are not taken over: when the first one is made, and when one is made again for that.
pub(crate) fn tell(declaration: &'static Declaration, argument: &'static str, again: bool) {
    if again && is_first_time(declaration, "again") {
        tracing::warn!("{}", Identity::words(declaration.kind, declaration.name, argument));
    } else if !again && is_first_time(declaration, argument) {
        tracing::info!("{}", Identity::words(declaration.kind, declaration.name, argument));
    }
}

/// Whether something is said of a task for the first time in this process.
fn is_first_time(declaration: &'static Declaration, what: &'static str) -> bool {
    static SAID: Mutex<Option<HashSet<(&str, &str)>>> = Mutex::new(None);
    SAID.lock().get_or_insert_default().insert((declaration.path, what))
}
