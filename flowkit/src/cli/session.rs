//! One call of the program: state that all verbs share.

use std::panic::Location;
use std::path::PathBuf;
use std::sync::Once;

use clap::ArgMatches;

use super::out::note;
use super::program::CliProgram;
use super::rows::{self, Member};
use super::run_ref;
use super::secrets;
use super::settings::Settings;
use super::usage::{Usage, UsageResult};
use crate::engine::spec::FlowSpec;
use crate::model::StoredFlowRun;
use crate::store::{Store, TaskRunFilter};
use crate::terminal::picture;
use crate::text::wording::list;
use crate::value::json::Json;

/// The form of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    Text,
    JsonLines,
    Csv,
}

/// State that all verbs share.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) program: CliProgram,
    pub(super) settings: Settings,
    /// The form of answers.
    output: Output,
    /// Where the command line is called: the location of the runs that it begins.
    pub(super) location: &'static Location<'static>,
    /// Whether variables of other programs were mentioned.
    noted_foreign: Once,
}

impl Session {
    pub(super) fn new(
        program: CliProgram,
        matches: &ArgMatches,
        location: &'static Location<'static>,
    ) -> UsageResult<Self> {
        let database = innermost::<PathBuf>(matches, "db");
        let output = match innermost::<String>(matches, "output").as_deref() {
            Some("json") => Output::JsonLines,
            Some("csv") => Output::Csv,
            _ => Output::Text,
        };
        let settings = Settings::read(database.as_deref())?;
        Ok(Self { program, settings, output, location, noted_foreign: Once::new() })
    }

    pub(super) fn is_json(&self) -> bool {
        self.output == Output::JsonLines
    }

    /// Whether the answer is a table for another program. Few verbs have one.
    pub(super) fn is_csv(&self) -> bool {
        self.output == Output::Csv
    }

    /// Mentions variables with the prefix of parameters that belong to none, once: another program may have exported them.
    pub(super) fn note_foreign(&self, variables: &[&str]) {
        if !variables.is_empty() {
            self.noted_foreign.call_once(|| {
                let (list, is) = (list(variables), if variables.len() == 1 { "is" } else { "are" });
                note(format!("note: {list} {is} ignored: no flow of this program has such a parameter"));
            });
        }
    }

    /// Finds the run that an argument refers to.
    pub(super) fn run(
        &self,
        store: &dyn Store,
        matches: &ArgMatches,
        id: &str,
    ) -> UsageResult<StoredFlowRun> {
        let typed = matches.get_one::<String>(id).map(String::as_str);
        run_ref::run(store, &self.program, typed).map_err(|usage| {
            let hint = typed.and_then(|typed| self.not_a_run(store, matches, typed));
            hint.unwrap_or(usage)
        })
    }

    /// The message for a name of a task or artifact in place of a run.
    fn not_a_run(&self, store: &dyn Store, matches: &ArgMatches, typed: &str) -> Option<Usage> {
        let takes = |id: &str| matches.try_contains_id(id).is_ok();
        let last = run_ref::run(store, &self.program, None).ok()?;
        let called = TaskRunFilter { called: Some(typed.to_owned()), ..TaskRunFilter::default() };
        let has_it = |member: &Member| rows::has_task(store, member.run.id, &called).is_ok_and(|has| has);
        let is_task = || rows::family(store, last.clone()).is_ok_and(|family| family.iter().any(has_it));
        let is_key =
            || rows::artifacts(store, last.id).is_ok_and(|all| all.iter().any(|one| one.key == typed));
        let what = if takes("task") && is_task() {
            "a task"
        } else if takes("key") && is_key() {
            "an artifact"
        } else {
            return None;
        };
        let words = picture::for_shell(typed);
        Some(Usage::new(format!("`{typed}` is {what} of the last run, no run; write `last {words}`")))
    }

    /// Writes a command of this program as a user would type it.
    pub(super) fn command(&self, rest: &str) -> String {
        format!("{} {rest}", picture::for_shell(&self.program.name))
    }

    /// Returns the commands to offer for a run of `flow`; some depend on its persisted arguments.
    pub(super) fn offers(&self, flow: Option<&FlowSpec>, persisted: Option<&str>) -> picture::Program {
        let mut offers = picture::Program::new(&self.program.name).with_like();
        let Some(persisted) = persisted else { return offers.without_resume() };
        if let Some(flow) = flow {
            let arguments = Json::recorded(persisted).and_then(Json::into_object).unwrap_or_default();
            let parameters = flow.all_parameters();
            let secrets = parameters.iter().flat_map(|parameter| secrets::variables(parameter, &arguments));
            let missing = secrets.filter(|secret| std::env::var_os(secret).is_none());
            offers = offers.of_flow(flow.ident()).needing(missing.collect());
        }
        offers
    }

    /// The same for a persisted run.
    pub(super) fn offers_for(&self, run: &StoredFlowRun) -> picture::Program {
        self.offers(self.program.flow_of(&run.path), run.parameters.as_deref())
    }
}

/// Returns an option of flowkit, which may be given at each level of verbs: the innermost counts.
fn innermost<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, id: &str) -> Option<T> {
    let inner = matches.subcommand().and_then(|(_, inner)| innermost(inner, id));
    inner.or_else(|| matches.try_get_one::<T>(id).ok().flatten().cloned())
}
