//! What compiling a program costs for each task that it has. Programs of one and of eleven tasks are written, and compiled as
//! cargo does by default for a user: without optimization, with debug information.
//!
//! Code is counted before any optimization: the same on every machine, for one compiler. The difference of the two programs is
//! that of ten tasks, without `main` and the flow.

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::Serialize;

use crate::bounds::Verdict;

/// One run.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Figures {
    /// Lines of LLVM code that the compiler makes of a task which is submitted once and called once.
    pub lines_per_task: f64,
    /// Functions that it makes of it.
    pub functions_per_task: f64,
    /// Processor time until a program of eleven tasks is built again after a literal in it was changed.
    pub change_cpu_s: f64,
    /// The size of its binary, in 10^6 bytes.
    pub binary_mb: f64,
}

/// The lines that a task may cost. With the compiler that [`measure`] was tried with, it is a tenth above what was measured.
const LINES_MAX: f64 = 36_000.0;

/// Compares a run with the promises.
#[must_use]
pub fn verdicts(figures: &Figures) -> Vec<Verdict> {
    vec![Verdict {
        promise: "lines of LLVM code per task".to_owned(),
        limit: LINES_MAX,
        unit: "",
        measured: Some(figures.lines_per_task),
        decided_by: None,
        reached: Some(figures.lines_per_task <= LINES_MAX),
    }]
}

/// Writes the programs below `folder`, and compiles them. The first time, that builds all that flowkit needs.
///
/// # Errors
/// If cargo or the disk fails.
pub fn measure(folder: &Path) -> Result<Figures, Box<dyn Error>> {
    let package = Package::new(folder)?;
    let (one, eleven) = (package.code_of(1)?, package.code_of(11)?);
    let per_task = |one: usize, eleven: usize| (eleven as f64 - one as f64) / 10.0;
    package.write(11, "a")?;
    package.build()?;
    package.write(11, "b")?;
    let before = processor_time()?;
    package.build()?;
    let change_cpu_s = (processor_time()? - before).as_secs_f64();
    let binary_mb = fs::metadata(package.target().join("debug/compiled"))?.len() as f64 / 1e6;
    Ok(Figures {
        lines_per_task: per_task(one.lines, eleven.lines),
        functions_per_task: per_task(one.functions, eleven.functions),
        change_cpu_s,
        binary_mb,
    })
}

/// The processor time of all processes that were started and have ended.
fn processor_time() -> Result<Duration, Box<dyn Error>> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    Ok(Duration::from_micros(u64::try_from((usage.user_time() + usage.system_time()).num_microseconds())?))
}

/// A package of a user, with a workspace of its own.
struct Package(PathBuf);

impl Package {
    fn new(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let package = Self(folder.join("compile"));
        let workspace = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
        fs::create_dir_all(package.0.join("src"))?;
        fs::write(
            package.0.join("Cargo.toml"),
            format!(
                "[package]\nname = \"compiled\"\nedition = \"2024\"\n\n[dependencies]\nflowkit = {{ path = {:?} }}\n\n[workspace]\n",
                workspace.join("flowkit").canonicalize()?
            ),
        )?;
        // The same versions, and no network.
        fs::copy(workspace.join("Cargo.lock"), package.0.join("Cargo.lock"))?;
        Ok(package)
    }

    fn target(&self) -> PathBuf {
        self.0.join("target")
    }

    fn write(&self, tasks: usize, literal: &str) -> std::io::Result<()> {
        fs::write(self.0.join("src/main.rs"), program(tasks, literal))
    }

    fn build(&self) -> Result<(), Box<dyn Error>> {
        self.cargo(&["build"], &[])
    }

    fn code_of(&self, tasks: usize) -> Result<Code, Box<dyn Error>> {
        self.write(tasks, "a")?;
        let file = self.target().join(format!("{tasks}.ll"));
        let emit = format!("--emit=llvm-ir={}", file.display());
        // One unit, so that nothing is compiled once for each.
        self.cargo(
            &["rustc", "--bin", "compiled"],
            &["-Cno-prepopulate-passes", "-Ccodegen-units=1", &emit],
        )?;
        Ok(Code::of(&fs::read_to_string(file)?))
    }

    fn cargo(&self, cargo: &[&str], rustc: &[&str]) -> Result<(), Box<dyn Error>> {
        let mut command = Command::new("cargo");
        command.current_dir(&self.0).args(cargo).args(["--offline", "--quiet", "--target-dir"]);
        command.arg(self.target()).args((!rustc.is_empty()).then_some("--")).args(rustc);
        // What a developer of flowkit has set must not count.
        command.env_remove("CARGO_PROFILE_DEV_DEBUG").env_remove("RUSTFLAGS").env_remove("CARGO_INCREMENTAL");
        let status = command.status()?;
        if status.success() { Ok(()) } else { Err(format!("`{command:?}` ended with {status}").into()) }
    }
}

/// A program of `tasks` tasks, each of which is submitted once and called once with the result.
fn program(tasks: usize, literal: &str) -> String {
    let mut program = String::from("use flowkit::prelude::*;\n");
    let mut calls = String::new();
    for number in 0..tasks {
        let _ = write!(
            program,
            "\n#[task]\nasync fn t{number}(a: u64, b: String) -> Result<String> {{\n    \
             Ok(format!(\"{{a}}{{b}}{number}{literal}\"))\n}}\n"
        );
        let _ = write!(
            calls,
            "    let first = t{number}(1, String::new()).submit();\n    \
             total += t{number}::of(2_u64, first).await?.len() as u64;\n"
        );
    }
    let _ = write!(
        program,
        "\n#[flow]\nasync fn all() -> Result<u64> {{\n    let mut total = 0;\n{calls}    Ok(total)\n}}\n\n\
         flowkit::main!(all);\n"
    );
    program
}

/// How much code there is.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Code {
    lines: usize,
    functions: usize,
}

impl Code {
    /// Counts the instructions of LLVM's text: what is inside functions and is no label and no comment.
    fn of(text: &str) -> Self {
        let (mut code, mut is_inside) = (Self { lines: 0, functions: 0 }, false);
        for line in text.lines() {
            if line.starts_with("define ") {
                code.functions += 1;
                is_inside = true;
            } else if line.starts_with('}') {
                is_inside = false;
            } else if is_inside && line.starts_with("  ") && !line.trim_start().starts_with([';', '#']) {
                code.lines += 1;
            }
        }
        code
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_counted_and_labels_are_not() {
        let text = "@a = global i8 0\n\ndefine void @f() {\nstart:\n  ; a comment\n  %a = add i8 1, 1\n  ret void\n}\ndefine void @g() {\n  ret void\n}\n";
        assert_eq!(Code::of(text), Code { lines: 3, functions: 2 });
    }

    #[test]
    fn each_task_of_a_program_is_there_and_called_twice() {
        let program = program(3, "x");
        assert_eq!(program.matches("#[task]").count(), 3);
        assert_eq!(program.matches("t2").count(), 3, "{program}");
    }
}
