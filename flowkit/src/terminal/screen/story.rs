//! What is to be shown of the runs of a program: text that is ready to be written, and the live area below it. Writes nothing
//! itself.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::Options;
use super::mode::Mode;
use super::user::{UserLines, plain};
use crate::engine::flow_run::observer::{Made, Notice, Progress};
use crate::model::{EventKind, FlowRunId, TaskRunId, WallTime};
use crate::terminal::fact::Fact;
use crate::terminal::picture::{self, brief, finished, live, title};
use crate::terminal::plain_lines::{self, clock};
use crate::terminal::stopping::StopNotice;
use crate::terminal::styled_line::{Line, TextStyle};
use crate::terminal::view::RunView;
use crate::terminal::{StyleSupport, github, json};
use crate::text::columns::visible;
use crate::text::wording::counted;

/// A task gets at most this many lines in the scroll-back: thousands of failures would push everything else out.
const FACTS_MAX: u32 = 20;

/// The live area takes at most this many lines, and at most half of the terminal.
const AREA_MAX: usize = 12;

/// The runs of a program, as far as they still have to be shown.
pub(super) struct Story {
    pub(super) mode: Mode,
    pub(super) options: Options,
    pub(super) style: StyleSupport,
    /// The width of the terminal at the last frame.
    pub(super) columns: usize,
    /// Bytes that are ready to be written.
    pub(super) ready: Vec<u8>,
    user: UserLines,
    runs: Vec<StoryRun>,
    /// The program runs in GitHub Actions.
    on_github: bool,
    /// Tables for the page of the job.
    pub(super) tables: String,
}

/// An outermost flow run.
struct StoryRun {
    view: RunView,
    /// How many lines each task had.
    facts: HashMap<String, u32>,
    end_is_shown: bool,
}

impl Story {
    pub(super) fn new(
        mode: Mode,
        options: Options,
        style: StyleSupport,
        columns: usize,
        on_github: bool,
    ) -> Self {
        let (ready, user, runs) = (Vec::new(), UserLines::default(), Vec::new());
        Self { mode, options, style, columns, ready, user, runs, on_github, tables: String::new() }
    }

    /// Shows an event.
    pub(super) fn take(&mut self, notice: &Notice<'_>) {
        let root = notice.origin.map_or(notice.flow_run, |origin| origin.root);
        let known = self.runs.iter().rposition(|run| run.view.flow_run() == root);
        let Some(position) = known.or_else(|| self.begin(notice)) else { return };
        let run = &mut self.runs[position];
        let fact = Fact::taken(notice, &mut run.view);
        // The signal itself says more: see `stopping`.
        if matches!(fact.kind(), EventKind::Stopping) {
            return;
        }
        let program = &self.options.program;
        match self.mode {
            Mode::Live => {
                let verbose = self.options.verbose;
                let lines = picture::fact::fact(&fact, verbose, self.columns);
                if !lines.is_empty() {
                    let lines = if verbose { lines } else { run.limited(&notice.task_run.task, lines) };
                    self.write(&lines);
                }
            }
            Mode::Lines => {
                let lines = plain_lines::of_fact(&run.view, &fact, Some(program), Some(&clock(fact.at())));
                for line in &lines {
                    push_line(&mut self.ready, self.style.text(line));
                }
                if self.on_github && fact.is_own() && fact.kind().is_end() {
                    self.tables.push_str(&github::summary(&run.view));
                } else if self.on_github && !lines.is_empty() {
                    let annotation = github::annotation(&fact);
                    annotation
                        .into_iter()
                        .for_each(|line| push_line(&mut self.ready, self.style.text(&line)));
                }
            }
            Mode::Quiet => {
                let has_ended = fact.is_own() && fact.kind().is_end();
                let went_well = run.view.state().is_success() && !run.view.completed_with_failures();
                if has_ended && !went_well {
                    let lines = brief(&run.view, self.columns, program);
                    self.write(&lines);
                }
            }
            Mode::Json => {
                let parameters = self.options.parameters.as_deref();
                let line = json::line(&run.view, &fact, parameters, program);
                line.into_iter().for_each(|line| push_line(&mut self.ready, line));
            }
        }
    }

    /// Begins to show a run; `None` if its first event was missed.
    fn begin(&mut self, notice: &Notice<'_>) -> Option<usize> {
        if notice.event.task_run != TaskRunId::FLOW {
            return None;
        }
        let view = RunView::begin(notice)?;
        let view = match &self.options.parameters {
            Some(parameters) => view.with_parameters(parameters),
            None => view,
        };
        Some(self.open(view))
    }

    fn open(&mut self, view: RunView) -> usize {
        self.report_ends();
        if self.mode == Mode::Live {
            let lines = title(&view, self.columns, &self.options.program);
            self.write(&lines);
        }
        self.runs.push(StoryRun { view, facts: HashMap::new(), end_is_shown: false });
        self.runs.len() - 1
    }

    /// Shows a run as it is stored: what earlier processes did of a run that is resumed, or a run of another process.
    pub(super) fn show(&mut self, view: RunView) {
        match self.runs.iter().rposition(|run| run.view.flow_run() == view.flow_run()) {
            Some(known) => self.runs[known].view = view,
            None => {
                self.open(view);
            }
        }
    }

    /// Records the progress of a task run.
    pub(super) fn progress(&mut self, progress: &Progress) {
        let key = (progress.flow_run, progress.task_run);
        self.runs.iter_mut().for_each(|run| run.view.progress(key, progress.done, progress.total));
    }

    /// Records a new artifact.
    pub(super) fn artifact(&mut self, made: &Made<'_>) {
        self.runs.iter_mut().for_each(|run| run.view.made(made));
    }

    /// Shows that `signal` stops the program, and that running tasks have this long to end.
    pub(super) fn stopping(&mut self, signal: &'static str, grace: Duration, at: SystemTime) {
        let stopping = StopNotice { signal, at: at.into(), grace };
        let mut under_way: Vec<_> =
            self.runs.iter_mut().map(|run| &mut run.view).filter(|view| !view.state().is_over()).collect();
        under_way.iter_mut().for_each(|view| view.stopping = Some(stopping));
        match self.mode {
            // The live area shows it from now on.
            Mode::Live => {}
            // The end says that it was suspended.
            Mode::Quiet => {}
            Mode::Lines if under_way.is_empty() => {}
            Mode::Lines => {
                let running = under_way.iter().map(|view| view.running()).sum();
                let line = format!("{} {}", clock(stopping.at), stopping.line(running));
                push_line(&mut self.ready, self.style.text(&line));
            }
            Mode::Json => {
                let lines = under_way.iter().filter_map(|view| json::of_stopping(view, &stopping));
                lines.for_each(|line| push_line(&mut self.ready, line));
            }
        }
    }

    /// Takes output of the program, and returns its complete lines as text.
    pub(super) fn print(&mut self, bytes: &[u8]) -> Vec<String> {
        let lines = self.user.push(bytes);
        for line in &lines {
            let shown = self.user.shown(line);
            self.ready.extend(shown);
        }
        lines.iter().map(|line| plain(line)).collect()
    }

    /// Takes complete lines from a [`Stderr`](super::Stderr).
    pub(super) fn print_lines(&mut self, lines: &[u8]) {
        self.ready.extend_from_slice(lines);
    }

    /// Ends the unfinished line of the program, if there is one, and returns it as text.
    pub(super) fn end_line(&mut self) -> Option<String> {
        if self.user.open().is_empty() {
            return None;
        }
        self.print(b"\n").pop()
    }

    /// Returns the run to which output of the program is attributed: the one that began last.
    pub(super) fn run(&self) -> Option<FlowRunId> {
        self.runs.last().map(|run| run.view.flow_run())
    }

    /// Whether the live area changes with time alone.
    pub(super) fn is_moving(&self) -> bool {
        self.runs.iter().any(|run| !run.view.state().is_over())
    }

    /// Returns the live area for a terminal with this many rows.
    pub(super) fn area(&self, rows: usize, now: WallTime) -> Vec<Line> {
        let height = (rows / 2).min(AREA_MAX);
        let mut lines = Vec::new();
        let open = visible(&plain(self.user.open()));
        if !open.is_empty() && height > 0 {
            lines.push(Line::default().plain_text(open).fitted(self.columns));
        }
        let mut under_way = self.runs.iter().filter(|run| !run.view.state().is_over());
        let Some(first) = under_way.next() else { return lines };
        let others = under_way.count();
        let below = usize::from(others > 0 && height > 2);
        let room = height.saturating_sub(lines.len() + below);
        lines.extend(live(&first.view, self.columns, room, now));
        if below > 0 {
            let words = format!("and {}", counted(others, "more run", "more runs"));
            lines.push(Line::indented(3).add(TextStyle::Dim, words).fitted(self.columns));
        }
        lines
    }

    /// Shows the end of each run that has ended since the last call.
    pub(super) fn report_ends(&mut self) {
        if self.mode != Mode::Live {
            return;
        }
        let mut lines = Vec::new();
        for run in &mut self.runs {
            if run.view.state().is_over() && !run.end_is_shown {
                run.end_is_shown = true;
                // A line of the program may be right above it.
                lines.push(Line::default());
                lines.extend(finished(&run.view, self.columns, &self.options.program));
            }
        }
        // The last run stays, even if its end is shown: late output is attributed to it.
        let last = self.runs.pop();
        self.runs.retain(|run| !run.end_is_shown);
        self.runs.extend(last);
        self.write(&lines);
    }

    fn write(&mut self, lines: &[Line]) {
        for line in lines {
            push_line(&mut self.ready, self.style.line(line));
        }
    }
}

impl StoryRun {
    /// Returns `lines`, or fewer if the task had many before.
    fn limited(&mut self, task: &str, lines: Vec<Line>) -> Vec<Line> {
        let facts = self.facts.entry(task.to_owned()).or_default();
        *facts += 1;
        match (*facts).cmp(&FACTS_MAX) {
            std::cmp::Ordering::Less => lines,
            std::cmp::Ordering::Equal => {
                let words = format!("  … further events of `{}` are only counted", visible(task));
                vec![Line::default().add(TextStyle::Dim, words)]
            }
            std::cmp::Ordering::Greater => Vec::new(),
        }
    }
}

fn push_line(ready: &mut Vec<u8>, line: String) {
    ready.extend(line.into_bytes());
    ready.push(b'\n');
}

#[cfg(test)]
mod tests;
