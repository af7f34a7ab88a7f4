//! One call of the program: what holds for whichever verb was typed.

use std::panic::Location;
use std::path::PathBuf;

use clap::ArgMatches;

use super::out::Output;
use super::program::Program;
use super::settings::Settings;
use super::usage::Outcome;
use super::which;
use crate::model::StoredFlowRun;
use crate::store::Store;

/// What holds for whichever verb was typed.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) program: Program,
    pub(super) settings: Settings,
    pub(super) output: Output,
    /// Where the command line is called: the place of the runs that it begins.
    pub(super) location: &'static Location<'static>,
}

impl Session {
    pub(super) fn new(
        program: Program,
        matches: &ArgMatches,
        location: &'static Location<'static>,
    ) -> Outcome<Self> {
        let database = innermost::<PathBuf>(matches, "db");
        let output = match innermost::<String>(matches, "output").as_deref() {
            Some("json") => Output::Json,
            _ => Output::Text,
        };
        let settings = Settings::read(database.as_deref())?;
        Ok(Self { program, settings, output, location })
    }

    pub(super) fn is_json(&self) -> bool {
        self.output == Output::Json
    }

    /// Finds the run that is meant by an argument.
    pub(super) fn run(&self, store: &dyn Store, matches: &ArgMatches, id: &str) -> Outcome<StoredFlowRun> {
        which::run(store, &self.program, matches.get_one::<String>(id).map(String::as_str))
    }

    /// Writes a command of this program as somebody would type it.
    pub(super) fn command(&self, rest: &str) -> String {
        format!("{} {rest}", self.program.name)
    }
}

/// Returns an option of ours, which may stand behind each of the verbs: the last one counts.
fn innermost<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, id: &str) -> Option<T> {
    let inner = matches.subcommand().and_then(|(_, inner)| innermost(inner, id));
    inner.or_else(|| matches.try_get_one::<T>(id).ok().flatten().cloned())
}
