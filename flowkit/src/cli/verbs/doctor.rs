//! `doctor`: the settings of this program, each with its source, and problems with its flows.

use serde_json::json;

use super::run::{recorded, show_config};
use crate::cli::Exit;
use crate::cli::json::line;
use crate::cli::layers::beside_flags;
use crate::cli::out::print_line;
use crate::cli::outcome;
use crate::cli::secrets::is_secret_by_name;
use crate::cli::session::Session;
use crate::cli::unsupported_types;
use crate::cli::usage::{Usage, UsageResult};
use crate::cli::{resolve, rows};
use crate::store::FlowRunFilter;
use crate::text::duration;

pub(super) fn doctor(session: &Session) -> UsageResult<Exit> {
    let mut trouble = 0;
    fact(session, "flowkit", env!("CARGO_PKG_VERSION"));
    let settings = &session.settings;
    fact(session, "flowkit.toml", if settings.has_file { "read" } else { "none in this folder" });
    for flow in settings.flows().filter(|flow| session.program.flow(flow).is_err()) {
        fact(
            session,
            "flowkit.toml",
            &format!("`[params.{flow}]` is for a flow that this program does not have"),
        );
    }
    if let Some((grace, source)) = &settings.stop_grace {
        fact(session, "stop_grace", &format!("{} ({source})", duration::write(*grace)));
    }
    if settings.retention.is_set() {
        fact(session, "retention", &settings.retention.to_string());
    }
    let database = format!("{} ({})", settings.database.display(), settings.database_source);
    match settings.is_made() {
        false => fact(session, "database", &format!("{database}: not made yet")),
        true => match count(session) {
            Ok(runs) => fact(session, "database", &format!("{database}: {runs}")),
            Err(usage) => bad(session, &mut trouble, "database", &usage),
        },
    }
    for flow in &session.program.flows {
        if let Some(why) = unsupported_types::unread(flow) {
            let why = Usage::new(format!("it cannot be run from here: {why}"));
            bad(session, &mut trouble, flow.ident(), &why);
            continue;
        }
        let parameters = flow.all_parameters();
        match beside_flags(session, flow, &parameters, None) {
            Ok(layers) => {
                fact(session, "flow", flow.ident());
                // A flow whose runs cannot be resumed is not broken.
                if let Some(why) = unsupported_types::unpersisted(flow) {
                    fact(session, flow.ident(), &format!("its runs cannot be resumed: {why}"));
                }
                let resolved = resolve::resolve(parameters, &layers);
                for one in resolved.iter().filter(|one| is_secret_by_name(&one.parameter)) {
                    let what = format!(
                        "its parameter `{}` has the name of a secret, and is persisted as it is; make it a `Secret`",
                        one.parameter.name
                    );
                    fact(session, flow.ident(), &what);
                }
                show_config(session, &resolved, recorded(flow, &resolved).as_ref());
            }
            Err(usage) => bad(session, &mut trouble, flow.ident(), &usage),
        }
    }
    Ok(if trouble == 0 { Exit::SUCCESS } else { Exit::USAGE })
}

fn count(session: &Session) -> UsageResult<String> {
    let store = session.settings.look_back()?;
    Ok(match rows::newest(&store, &FlowRunFilter::default())? {
        None => "no runs".to_owned(),
        Some(run) => format!("the last run is {}, {}", run.id.short(), outcome::words(&run)),
    })
}

fn fact(session: &Session, about: &str, what: &str) {
    if session.is_json() {
        print_line(line("fact", None, json!({ "about": about, "what": what })));
    } else {
        print_line(format!("{about}: {what}"));
    }
}

fn bad(session: &Session, trouble: &mut u32, about: &str, usage: &Usage) {
    *trouble += 1;
    fact(session, about, &format!("✗ {usage}"));
}
