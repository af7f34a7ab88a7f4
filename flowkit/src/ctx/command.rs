//! Child processes of tasks: [`Command`]. A process lives as long as the attempt that started it, and no longer.
//!
//! It is no shell: command lines are not parsed here. Use `std::process` for processes that shall outlive the program.

mod group;
mod lines;
#[cfg(unix)]
mod watchdog;

use std::ffi::OsStr;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use tokio::io::AsyncWriteExt as _;
use tokio::process::ChildStdin;

use self::group::ProcessGroup;
use self::lines::{LineSplitter, Tail};
use crate::engine::blocking::hold_clock;
pub use crate::model::command_error::CommandError;

/// A program that exits with this code has nothing to do, and its task is skipped, as with Airflow's `BashOperator`.
const NOTHING_TO_DO: i32 = 99;

/// A child process of a task, built as with [`std::process::Command`].
///
/// - Its output goes line by line to the log of the task.
/// - It has its own process group. The whole group is killed when the future of [`run`](Self::run) is dropped before it has
///   ended: the task timed out, was cancelled, or its run was suspended. Processes that remain in the group when the first
///   one ends are killed, too. If the program itself is killed, `kill -9` included, a watchdog kills the group.
/// - Ctrl-C in the terminal, or a signal to the program's group, does not reach it: it has the same time to end as all
///   running tasks, see [`Runtime::until_signal`](crate::Runtime::until_signal).
/// - Exit code 99 means that there is nothing to do: the task is skipped, if its body returns the error.
///
/// Its standard input is empty, unless [`input`](Self::input) sets it.
///
/// ```
/// use flowkit::prelude::*;
/// use flowkit::{Command, CommandError};
///
/// #[task(retries = 2, timeout = "5m")]
/// async fn count_lines(text: String) -> Result<String, CommandError> {
///     let counted = Command::new("wc").arg("-l").input(text).output().await?;
///     Ok(String::from_utf8_lossy(&counted).trim().to_owned())
/// }
///
/// #[task]
/// async fn validate(folder: String) -> Result<(), CommandError> {
///     Command::shell("echo looking at $FOLDER; test -d $FOLDER || exit 3").env("FOLDER", folder).run().await
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// # if cfg!(not(unix)) { return }
/// assert_eq!(count_lines("one\ntwo\n".to_owned()).await.unwrap(), "2");
///
/// let error = validate("/no/such/folder".to_owned()).await.unwrap_err();
/// assert_eq!(error.task_error().unwrap().to_string(), "`sh` ended with exit code 3");
/// # }
/// ```
///
/// # Limitations
///
/// A process that creates its own group or session (`setsid`, a daemon) leaves the group, and is not killed. The watchdog
/// is a `/bin/sh` that is started with the first process; if there is none, which is logged once, a killed program leaves
/// its processes running. Windows has no process groups: the process itself is killed, unless the program is, and the
/// processes that it has started keep running.
///
/// A blocking body (`fn`, not `async fn`) has no future to drop: its process is killed when the program ends. Make the task
/// an `async fn`.
pub struct Command {
    command: tokio::process::Command,
    name: String,
    input: Option<Vec<u8>>,
    skip_codes: Vec<i32>,
}

impl Command {
    /// Builds a process that runs `program`, which is searched in `PATH`.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        let program = program.as_ref();
        let name = Path::new(program).file_name().unwrap_or(program).to_string_lossy().into_owned();
        let mut command = tokio::process::Command::new(program);
        command.kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        Self { command, name, input: None, skip_codes: vec![NOTHING_TO_DO] }
    }

    /// Builds a process in which the shell runs `script`: `sh -c` on Unix, `cmd /C` on Windows. Pass values as variables,
    /// by [`env`](Self::env): pasted into the script, they would be part of it.
    pub fn shell(script: impl AsRef<OsStr>) -> Self {
        let (shell, option) = if cfg!(windows) { ("cmd", "/C") } else { ("sh", "-c") };
        let mut command = Self::new(shell);
        command.arg(option).arg(script);
        command
    }

    /// Adds an argument.
    pub fn arg(&mut self, argument: impl AsRef<OsStr>) -> &mut Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    pub fn args(&mut self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> &mut Self {
        self.command.args(arguments);
        self
    }

    /// Sets a variable of its environment.
    pub fn env(&mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> &mut Self {
        self.command.env(key, value);
        self
    }

    /// Sets variables of its environment.
    pub fn envs<K: AsRef<OsStr>, V: AsRef<OsStr>>(
        &mut self,
        variables: impl IntoIterator<Item = (K, V)>,
    ) -> &mut Self {
        self.command.envs(variables);
        self
    }

    /// Removes a variable from its environment, which it inherits from the program.
    pub fn env_remove(&mut self, key: impl AsRef<OsStr>) -> &mut Self {
        self.command.env_remove(key);
        self
    }

    /// Removes all variables from its environment.
    pub fn env_clear(&mut self) -> &mut Self {
        self.command.env_clear();
        self
    }

    /// Sets the folder in which it runs. Default: that of the program.
    pub fn current_dir(&mut self, folder: impl AsRef<Path>) -> &mut Self {
        self.command.current_dir(folder);
        self
    }

    /// Sets its standard input. Default: empty.
    pub fn input(&mut self, input: impl Into<Vec<u8>>) -> &mut Self {
        self.input = Some(input.into());
        self
    }

    /// Sets the exit codes that mean "nothing to do", in place of 99. Without any, each code but 0 is a failure.
    pub fn skip_on(&mut self, codes: impl IntoIterator<Item = i32>) -> &mut Self {
        self.skip_codes = codes.into_iter().collect();
        self
    }

    /// Runs it to its end. Its output goes to the log of the task.
    ///
    /// Cancel safe in that dropping the future kills the process, with its group.
    ///
    /// # Errors
    ///
    /// [`CommandError`], if it cannot be started, or does not end with exit code 0.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime with its I/O driver on, as `#[tokio::main]` makes it.
    pub async fn run(&mut self) -> Result<(), CommandError> {
        let mut out = LineSplitter::of("stdout");
        self.execute(|bytes| out.take(bytes)).await
    }

    /// Runs it to its end, and returns its standard output. Its standard error goes to the log of the task.
    ///
    /// # Errors
    ///
    /// As for [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run) does.
    pub async fn output(&mut self) -> Result<Vec<u8>, CommandError> {
        let mut output = Vec::new();
        self.execute(|bytes| output.extend_from_slice(bytes)).await?;
        Ok(output)
    }

    /// Runs it, and passes its standard output to `take`, piece by piece, with an empty piece at the end.
    async fn execute(&mut self, mut take: impl FnMut(&[u8])) -> Result<(), CommandError> {
        // A paused clock does not jump while it runs: it takes real time.
        let _hold = hold_clock();
        let input = self.input.clone();
        let stdin = if input.is_some() { Stdio::piped() } else { Stdio::null() };
        let command = self.command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn();
        let child =
            child.map_err(|source| CommandError::NotStarted { program: self.name.clone(), source })?;
        let mut group = ProcessGroup::of(child);
        let (stdin, stdout, stderr) = group.pipes();
        let (mut out, mut err, mut lines) = (Tail::default(), Tail::default(), LineSplitter::of("stderr"));
        let read = async {
            tokio::join!(
                write(stdin, input.unwrap_or_default()),
                lines::read(stdout, |bytes| {
                    out.take(bytes);
                    take(bytes);
                }),
                lines::read(stderr, |bytes| {
                    err.take(bytes);
                    lines.take(bytes);
                }),
            )
        };
        let (status, (_, stdout, stderr)) = tokio::join!(group.ended(), read);
        let unread = |source| CommandError::Unread { program: self.name.clone(), source };
        let status = status.and_then(|status| stdout.and(stderr).map(|()| status)).map_err(unread)?;
        self.judge(status, out, err)
    }

    fn judge(&self, status: ExitStatus, out: Tail, err: Tail) -> Result<(), CommandError> {
        let program = self.name.clone();
        match status.code() {
            Some(0) => Ok(()),
            Some(code) if self.skip_codes.contains(&code) => Err(CommandError::NothingToDo { program, code }),
            code => Err(CommandError::Failed {
                program,
                code,
                signal: crate::model::command_error::signal(status),
                stdout: out.into_text(),
                stderr: err.into_text(),
            }),
        }
    }
}

/// Without arguments, variables and input, which may contain secrets.
impl std::fmt::Debug for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Command").field("program", &self.name).finish_non_exhaustive()
    }
}

/// Writes the standard input of a process. A process that does not read all of it has read what it needs.
async fn write(stdin: Option<ChildStdin>, input: Vec<u8>) {
    if let Some(mut stdin) = stdin {
        stdin.write_all(&input).await.ok();
    }
}
