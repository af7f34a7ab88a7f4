//! `cancel`: asks the process that executes a run to stop it.

use clap::ArgMatches;
use serde_json::json;

use crate::cli::json::line;
use crate::cli::out::print_line;
use crate::cli::session::Session;
use crate::cli::usage::{Usage, UsageResult};
use crate::store::Ownership as _;

pub(super) fn cancel(session: &Session, matches: &ArgMatches) -> UsageResult<()> {
    let store = session.settings.look_back()?;
    let run = session.run(&store, matches, "run")?;
    let short = run.id.short();
    if !store.request_cancel(run.id)? {
        let state = run.state.name();
        return Err(Usage::new(format!(
            "run `{short}` is {state}, and nobody runs it; there is nothing to cancel"
        )));
    }
    if session.is_json() {
        print_line(line("cancel.requested", Some(run.id), json!({ "id": run.id })));
    } else {
        let watch = session.command(&format!("watch {short}"));
        print_line(format!("run {short} is being cancelled; `{watch}` shows how it ends"));
    }
    Ok(())
}
