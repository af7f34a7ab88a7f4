//! `list`: the flows of the program, with what they want to be given.

use serde_json::{Value, json};

use crate::any_flow::FlowSpec;
use crate::cli::flags::flag;
use crate::cli::grammar::first_line;
use crate::cli::json::line;
use crate::cli::out::{say, table};
use crate::cli::session::Session;
use crate::cli::usage::Outcome;
use crate::cli::values::words;
use crate::model::shape::Outline;
use crate::parameters::Parameter;

pub(super) fn list(session: &Session) -> Outcome<()> {
    let flows = &session.program.flows;
    if session.is_json() {
        flows.iter().map(as_json).for_each(say);
        return Ok(());
    }
    let row = |flow: &FlowSpec| vec![flow.ident().to_owned(), first_line(flow.description()).to_owned()];
    let lines = table(&flows.iter().map(row).collect::<Vec<_>>());
    for (line, flow) in lines.iter().zip(flows) {
        say(line);
        // One to a line: a terminal is narrow.
        parameters(flow).iter().for_each(|parameter| say(format!("    {parameter}")));
    }
    Ok(())
}

fn as_json(flow: &FlowSpec) -> Value {
    let schema: Option<Value> = flow.schema().and_then(|schema| serde_json::from_str(&schema).ok());
    let fields = json!({
        "flow": flow.ident(), "name": flow.name(), "description": flow.description(), "schema": schema,
    });
    line("flow", None, fields)
}

fn parameters(flow: &FlowSpec) -> Vec<String> {
    let Some(parameters) = flow.parameters() else {
        return vec!["(takes something that cannot be read, so it cannot be run from here)".to_owned()];
    };
    let row = |parameter: &Parameter| {
        let flag = match parameter.outline {
            Outline::Bool => format!("--{}", flag(parameter.name)),
            _ => format!("--{} <{}>", flag(parameter.name), words(&parameter.outline).1),
        };
        let flag = if parameter.is_optional { format!("[{flag}]") } else { flag };
        vec![flag, first_line(parameter.description).to_owned()]
    };
    table(&parameters.iter().map(row).collect::<Vec<_>>())
}
