//! The parameters of a flow as flags, and back: which part of a command line belongs to which parameter.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, ValueHint};

use super::environment;
use super::secrets::Quoting;
use super::shown_values::{Of, show};
use super::values::{parse, value_name};
use crate::text::columns;
use crate::value::json::{Json, Members};
use crate::value::parameters::Parameter;
use crate::value::shape::ParamType;

/// Prefix of a parameter's id, so that no parameter collides with an option of flowkit.
const ID: &str = "parameter ";

/// How many choices fit into a usage line; the help of the flow lists more.
const CHOICES_NAMED: usize = 4;

/// Returns the flag of a name: `--dry-run` for `dry_run`.
pub(super) fn flag(name: &str) -> String {
    name.replace('_', "-")
}

/// Writes a parameter as users type it: `--rows <INT>`, `--mode <full|incremental>`.
pub(super) fn typed(parameter: &Parameter) -> String {
    fn value(param_type: &ParamType) -> Option<String> {
        match param_type {
            ParamType::Bool => None,
            ParamType::Optional(inner) => value(inner),
            ParamType::Choice(texts) if texts.len() <= CHOICES_NAMED => Some(texts.join("|")),
            param_type => Some(value_name(param_type)),
        }
    }
    let flag = flag(parameter.name);
    value(&parameter.param_type).map_or_else(|| format!("--{flag}"), |value| format!("--{flag} <{value}>"))
}

/// Returns the flags of a parameter: one, and one more for each field of a struct: `--db.url`.
pub(super) fn flags(parameter: &Parameter, quoting: Quoting) -> Vec<Arg> {
    let mut flags = Vec::new();
    add(&mut flags, parameter.name.to_owned(), &parameter.param_type, help(parameter), quoting);
    flags
}

/// Reads the values of a parameter from a command line, each with its flag: those of fields first, which override the whole.
pub(super) fn values_of(parameter: &Parameter, matches: &ArgMatches) -> Vec<(String, Json)> {
    let mut found = Vec::new();
    collect(parameter.name, &parameter.param_type, matches, &mut found);
    found
}

fn add(flags: &mut Vec<Arg>, path: String, param_type: &ParamType, help: String, quoting: Quoting) {
    let long = flag(&path);
    let mut arg =
        Arg::new(format!("{ID}{path}")).long(long.clone()).help(help).value_name(value_name(param_type));
    if matches!(innermost(param_type), ParamType::Choice(_)) {
        // The choices are listed after it.
        arg = arg.value_name(path.to_uppercase());
    }
    if long != path {
        arg = arg.alias(path.clone());
    }
    flags.push(of_form(arg, param_type, quoting));
    if let Some(fields) = fields(param_type) {
        for (name, field) in fields {
            let help = format!("Only the field `{name}` of `{path}`");
            add(flags, format!("{path}.{name}"), field, help, quoting);
        }
    }
}

fn of_form(arg: Arg, param_type: &ParamType, quoting: Quoting) -> Arg {
    let parser = Parser { param_type: param_type.clone(), quoting };
    match innermost(param_type) {
        // A switch, which can also be turned off: a file may have turned it on.
        ParamType::Bool => {
            arg.num_args(0..=1).default_missing_value("true").hide_possible_values(true).value_parser(parser)
        }
        ParamType::Choice(texts) if quoting == Quoting::Values => {
            arg.value_parser(PossibleValuesParser::new(texts.clone()).map(Json::Text))
        }
        // Shells complete file names.
        ParamType::Path => arg.value_hint(ValueHint::AnyPath).value_parser(parser),
        ParamType::List(_) => arg.action(ArgAction::Append).value_parser(parser),
        _ => arg.value_parser(parser),
    }
}

/// The form of a value that is there.
fn innermost(param_type: &ParamType) -> &ParamType {
    match param_type {
        ParamType::Optional(inner) => innermost(inner),
        param_type => param_type,
    }
}

/// Parses the value of a flag.
#[derive(Clone)]
struct Parser {
    param_type: ParamType,
    quoting: Quoting,
}

impl TypedValueParser for Parser {
    type Value = Json;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, typed: &OsStr) -> Result<Json, clap::Error> {
        // clap has an error for invalid UTF-8, which repeats nothing.
        let typed = clap::builder::StringValueParser::new().parse_ref(command, arg, typed)?;
        parse(&self.param_type, &typed).map_err(|misfit| {
            let flag = arg.map(ToString::to_string).unwrap_or_default();
            let given = match self.quoting {
                Quoting::Values => format!(" '{typed}'"),
                // clap would repeat the value.
                Quoting::Nothing => String::new(),
            };
            let words = format!("invalid value{given} for '{flag}': {}", misfit.message(self.quoting));
            // clap's messages have several lines; this is one of them.
            let words = format!("{}\n", columns::escaped(&words));
            clap::Error::raw(ErrorKind::ValueValidation, words).with_cmd(command)
        })
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        match innermost(&self.param_type) {
            ParamType::Choice(texts) => Some(Box::new(texts.iter().map(|text| PossibleValue::new(*text)))),
            _ => None,
        }
    }
}

fn collect(path: &str, param_type: &ParamType, matches: &ArgMatches, found: &mut Vec<(String, Json)>) {
    for (name, field) in fields(param_type).unwrap_or_default() {
        let first = found.len();
        collect(&format!("{path}.{name}"), field, matches, found);
        for (_, value) in &mut found[first..] {
            *value = Json::Object(Members::from([((*name).to_owned(), std::mem::take(value))]));
        }
    }
    let id = format!("{ID}{path}");
    let whole = if matches!(innermost(param_type), ParamType::List(_)) {
        matches.get_many::<Json>(&id).map(|lists| {
            let added = |items: Json, list: &Json| match (items, list) {
                (Json::List(items), Json::List(more)) => Json::List([&items[..], more].concat()),
                // `null` in place of a list.
                (_, list) => list.clone(),
            };
            lists.fold(Json::List(Vec::new()), added)
        })
    } else {
        matches.get_one::<Json>(&id).cloned()
    };
    found.extend(whole.map(|whole| (flag(path), whole)));
}

/// Lets a value override another one: of an object, only the fields that are set.
pub(super) fn merged(below: Json, above: Json) -> Json {
    match (below, above) {
        (Json::Object(mut below), Json::Object(above)) => {
            for (name, value) in above {
                let value = match below.remove(&name) {
                    Some(under) => merged(under, value),
                    None => value,
                };
                below.insert(name, value);
            }
            Json::Object(below)
        }
        (_, above) => above,
    }
}

fn fields(param_type: &ParamType) -> Option<&[(&'static str, ParamType)]> {
    match innermost(param_type) {
        ParamType::Record(fields) => Some(fields),
        _ => None,
    }
}

fn help(parameter: &Parameter) -> String {
    let mut help = parameter.description.to_owned();
    let mut add = |more: String| {
        if !help.is_empty() {
            help.push(' ');
        }
        help.push_str(&more);
    };
    add(format!("[env: {}]", environment::name(parameter.name)));
    match parameter.default_value() {
        Some(default) => add(format!("[default: {}]", show(&parameter.param_type, &default, Of::Recorded))),
        None if parameter.is_optional => {}
        None => add("[required]".to_owned()),
    }
    help
}
