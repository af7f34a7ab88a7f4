//! The user's program as the command line of its own flows: `flowkit::main!(etl, nightly)`.
//!
//! Parses the arguments, acts through the engine and the store, and prints the answer. Knows neither how runs are
//! executed nor SQL. Answers go to standard output; the progress of a run goes to standard error.
//!
//! ```text
//! typed ──► grammar ──► flags, environment, file, settings ──► layers ──► resolve ──► begin ──► the flow
//!              └──────► verbs ──► which run ──► rows of the store ──► text, or JSON Lines
//! ```

mod command;
mod dashed_value;
mod default_flow;
mod environment;
mod failure_line;
mod file;
mod flags;
mod foreign_verbs;
mod grammar;
mod help;
mod json;
mod layers;
mod log_lines;
mod options;
mod out;
mod outcome;
mod program;
mod relative_time;
mod resolve;
mod retention;
mod rows;
mod run_ref;
mod secrets;
mod session;
mod settings;
mod shown_values;
mod task_ref;
mod unsupported_types;
mod usage;
mod values;
mod verbs;

use std::ffi::OsString;
use std::panic::Location;
use std::process::{ExitCode, Termination};

use clap::error::ErrorKind;

pub use self::command::{Command, Flows};
use self::program::CliProgram;
use self::secrets::Quoting;
use self::session::Session;
use self::usage::{Usage, UsageResult};
use crate::engine::spec::FlowSpec;

/// Defines `main` of a program: the command line of these flows.
///
/// ```no_run
/// use flowkit::prelude::*;
///
/// /// Loads rows.
/// #[flow]
/// async fn etl(
///     /// How many rows to take
///     #[param(default = 100)]
///     rows: u32,
/// ) -> Result<u32> {
///     Ok(rows)
/// }
///
/// flowkit::main!(etl);
/// ```
///
/// `mybin run etl --rows 3` runs it; as it is the only flow, `mybin --rows 3` does so, too. `mybin --help` has the
/// rest. A program with a `main` of its own uses [`Cli`](crate::cli::Cli).
#[macro_export]
macro_rules! main {
    ($($flow:ty),+ $(,)?) => {
        fn main() -> $crate::cli::Exit {
            // That of the program whose `main` this is. Only cargo sets it.
            let version = option_env!("CARGO_PKG_VERSION").unwrap_or("of unknown version");
            $crate::cli::Cli::new()$(.flow(<$flow>::spec()))+.version(version).owns_output().main()
        }
    };
}

/// The command line of some flows.
///
/// ```no_run
/// # use flowkit::prelude::*;
/// # #[flow]
/// # async fn etl(rows: u32) -> Result<u32> { Ok(rows) }
/// #[tokio::main]
/// async fn main() -> flowkit::Exit {
///     flowkit::Cli::new().flow(etl::spec()).run().await
/// }
/// ```
#[derive(Debug)]
#[must_use = "nothing is read before `run`"]
pub struct Cli {
    flows: Vec<FlowSpec>,
    version: Option<String>,
    owns_output: bool,
    location: &'static Location<'static>,
}

impl Cli {
    /// Starts with no flow.
    #[track_caller]
    #[allow(clippy::new_without_default, reason = "it says where it is called")]
    pub fn new() -> Self {
        Self { flows: Vec::new(), version: None, owns_output: false, location: Location::caller() }
    }

    /// Adds a flow: `.flow(etl::spec())`.
    pub fn flow(mut self, flow: FlowSpec) -> Self {
        self.flows.push(flow);
        self
    }

    /// Sets the version of the program, for `--version`: `.version(env!("CARGO_PKG_VERSION"))`, as
    /// [`main!`](crate::main!) does. Default: there is no `--version`.
    pub fn version(mut self, version: impl Into<String>) -> Self {
        self.version = Some(version.into());
        self
    }

    /// Runs with the arguments of the process.
    pub async fn run(self) -> Exit {
        self.run_with(std::env::args_os()).await
    }

    /// Runs with these arguments; the first one is the name of the program.
    pub async fn run_with(self, arguments: impl IntoIterator<Item = impl Into<OsString>>) -> Exit {
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let called = arguments.first().and_then(|called| called.to_str());
        let program = CliProgram {
            version: self.version,
            owns_output: self.owns_output,
            ..CliProgram::new(called, self.flows)
        };
        match typed(program, arguments, self.location).await {
            Ok(exit) => with_lost_output(exit),
            Err(usage) => usage.report(),
        }
    }

    /// Leaves the whole output to flowkit: runs are drawn on the terminal, and what the program prints is shown above
    /// them. Default: plain lines, which disturb no other output.
    pub fn owns_output(mut self) -> Self {
        self.owns_output = true;
        self
    }

    /// The same in its own tokio runtime, for a `main` that is not `async`.
    ///
    /// If no subscriber of `tracing` is set, its events become lines of the run's log, as with [`layer`](crate::layer)
    /// in the registry of a program that has one, and so do the records of the crate `log`. `--log-level`, or `RUST_LOG`,
    /// says which of them are printed to standard error as well. Default: none.
    pub fn main(self) -> Exit {
        log_lines::listen();
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
        match runtime {
            Ok(runtime) => {
                let exit = runtime.block_on(self.run());
                // Threads that cannot be stopped are left behind.
                runtime.shutdown_background();
                exit
            }
            Err(error) => {
                Usage::new(format!("the system gives no threads: {error}; end other processes first"))
                    .report()
            }
        }
    }
}

async fn typed(
    program: CliProgram,
    arguments: Vec<OsString>,
    location: &'static Location<'static>,
) -> UsageResult<Exit> {
    program.check()?;
    let arguments = default_flow::with_flow(&program, arguments);
    let mut grammar = grammar::grammar(&program);
    let arguments = dashed_value::joined(&grammar, arguments);
    let matches = match grammar.try_get_matches_from_mut(&arguments) {
        Ok(matches) => matches,
        Err(error) if error.kind() == ErrorKind::InvalidSubcommand => {
            return Err(grammar::unknown(&program, &arguments, &error));
        }
        Err(error) if error.kind() == ErrorKind::InvalidUtf8 => {
            return Err(usage::no_text(&arguments, secrets::quoting_of_line(&program, &arguments)));
        }
        Err(error) => {
            let is_answer = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            if is_answer {
                out::print_lines(error.to_string().trim_end());
                return Ok(Exit::SUCCESS);
            }
            let is_of_flow = arguments.iter().any(|word| word == "run");
            let quoting = secrets::quoting_of_line(&program, &arguments);
            if let Some(remedy) = dashed_value::remedy(&grammar, &arguments, &error, quoting) {
                return Err(remedy);
            }
            let error = match quoting {
                Quoting::Nothing if is_of_flow => secrets::without_what_was_typed(error),
                _ => error,
            };
            out::note_lines(usage::on_one_line(error).to_string().trim_end());
            return Ok(Exit::USAGE);
        }
    };
    let session = Session::new(program, &matches, location)?;
    verbs::dispatch(&session, &matches).await
}

/// Turns success into failure if the answer could not be written.
fn with_lost_output(exit: Exit) -> Exit {
    match out::lost() {
        Some(reason) => {
            let missing =
                Usage::new(format!("a part of the answer is missing: standard output: {reason}")).report();
            if exit == Exit::SUCCESS { missing } else { exit }
        }
        None => exit,
    }
}

/// The exit code of the program: what `main` returns.
///
/// | code | means |
/// |---|---|
/// | 0 | done |
/// | 1 | the flow failed or was cancelled; with `--fail-on-any-task`, also if it completed but one of its task runs failed |
/// | 2 | the request cannot be carried out, and nothing ran; or part of the answer could not be written |
/// | 101 | a panic outside of any flow |
/// | 129, 130, 143 | stopped by SIGHUP, SIGINT (Ctrl-C) or SIGTERM; the run was suspended, and `resume` continues it |
///
/// On Windows, 129 is for a closed window, 130 for Ctrl-C, and 143 for Ctrl-Break and the end of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(u8);

impl Exit {
    /// Done.
    pub const SUCCESS: Self = Self(0);
    /// The flow failed or was cancelled.
    pub const FAILURE: Self = Self(1);
    /// The request is wrong.
    pub const USAGE: Self = Self(2);

    /// Returns the code.
    pub const fn code(self) -> u8 {
        self.0
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.0.into()
    }
}

impl Termination for Exit {
    fn report(self) -> ExitCode {
        self.into()
    }
}
