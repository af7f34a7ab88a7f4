//! What is to be told of the runs of a program: text that is ready to be written, and what is to be drawn below it. It
//! writes nothing itself.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use super::Options;
use super::mode::Mode;
use super::user::{UserLines, plain};
use crate::engine::flow_run::observer::Progress;
use crate::engine::flow_run::observer::{Made, Notice};
use crate::model::{FlowRunId, TaskRunId, WallTime};
use crate::terminal::line::{Line, TextStyle};
use crate::terminal::lines::clock;
use crate::terminal::picture::{fact, finished, live, title};
use crate::terminal::stopping::StopNotice;
use crate::terminal::view::RunView;
use crate::terminal::{StyleSupport, ci, github, json};
use crate::text::columns::visible;
use crate::text::wording::counted;

/// A task gets so many lines in the scroll-back; thousands of failures would push everything else out of it.
const FACTS_MAX: u32 = 20;

/// The live area never takes more lines than this, nor more than half of the terminal.
const AREA_MAX: usize = 12;

/// The runs of a program, as far as they have to be told.
pub(super) struct Story {
    pub(super) mode: Mode,
    pub(super) options: Options,
    pub(super) paint: StyleSupport,
    /// The width of the terminal when it was looked at last.
    pub(super) columns: usize,
    /// Bytes that are ready to be written.
    pub(super) ready: Vec<u8>,
    user: UserLines,
    runs: Vec<StoryRun>,
    /// GitHub Actions runs the program.
    on_github: bool,
    /// Tables for the page of the job.
    pub(super) tables: String,
}

/// An outermost flow run.
struct StoryRun {
    view: RunView,
    facts: HashMap<String, u32>,
    end_is_told: bool,
}

impl Story {
    pub(super) fn new(
        mode: Mode,
        options: Options,
        paint: StyleSupport,
        columns: usize,
        on_github: bool,
    ) -> Self {
        let (ready, user, runs) = (Vec::new(), UserLines::default(), Vec::new());
        Self { mode, options, paint, columns, ready, user, runs, on_github, tables: String::new() }
    }

    /// Takes note of an event.
    pub(super) fn take(&mut self, notice: &Notice<'_>) {
        let root = notice.origin.map_or(notice.flow_run, |origin| origin.root);
        let known = self.runs.iter().rposition(|run| run.view.flow_run() == root);
        let Some(place) = known.or_else(|| self.begin(notice)) else { return };
        let run = &mut self.runs[place];
        let slow = run.view.take(notice);
        match self.mode {
            Mode::Live => {
                let verbose = self.options.verbose;
                let lines = fact(notice, slow, verbose, self.columns);
                if !lines.is_empty() {
                    let lines = if verbose { lines } else { run.limited(&notice.task_run.task, lines) };
                    self.write(&lines);
                }
            }
            Mode::Lines => {
                let program = &self.options.program;
                for line in ci::lines(&run.view, notice, slow, program, self.on_github) {
                    push_line(&mut self.ready, self.paint.text(&line));
                }
                let is_end = notice.event.task_run == TaskRunId::FLOW && notice.event.kind.is_end();
                if self.on_github && is_end && notice.origin.is_none() {
                    self.tables.push_str(&github::summary(&run.view));
                }
            }
            Mode::Json => {
                let parameters = self.options.parameters.as_deref();
                let line = json::of_notice(&run.view, notice, parameters, &self.options.program);
                line.into_iter().for_each(|line| push_line(&mut self.ready, line));
            }
        }
    }

    /// Begins to tell of a run; `None` if its beginning was not seen.
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
        self.runs.push(StoryRun { view, facts: HashMap::new(), end_is_told: false });
        self.runs.len() - 1
    }

    /// Shows a run as a store has it: what an earlier process did of one that is resumed, or what another one does.
    pub(super) fn show(&mut self, view: RunView) {
        match self.runs.iter().rposition(|run| run.view.flow_run() == view.flow_run()) {
            Some(known) => self.runs[known].view = view,
            None => {
                self.open(view);
            }
        }
    }

    /// Notes how far a task run is.
    pub(super) fn progress(&mut self, progress: &Progress) {
        let key = (progress.flow_run, progress.task_run);
        self.runs.iter_mut().for_each(|run| run.view.progress(key, progress.done, progress.total));
    }

    /// Notes an artifact that is being made.
    pub(super) fn made(&mut self, made: &Made<'_>) {
        self.runs.iter_mut().for_each(|run| run.view.made(made));
    }

    /// Tells that the program was told to stop by `signal`, and that what runs has so much time to end.
    pub(super) fn stopping(&mut self, signal: &'static str, patience: Duration, at: SystemTime) {
        let stopping = StopNotice { signal, at: at.into(), patience };
        let mut under_way: Vec<_> =
            self.runs.iter_mut().map(|run| &mut run.view).filter(|view| !view.state().is_over()).collect();
        under_way.iter_mut().for_each(|view| view.stopping = Some(stopping));
        match self.mode {
            // The picture says it from now on.
            Mode::Live => {}
            Mode::Lines if under_way.is_empty() => {}
            Mode::Lines => {
                let running = under_way.iter().map(|view| view.running()).sum();
                let line = format!("{} {}", clock(at), stopping.line(running));
                push_line(&mut self.ready, self.paint.text(&line));
            }
            Mode::Json => {
                let lines = under_way.iter().filter_map(|view| json::of_stopping(view, &stopping));
                lines.for_each(|line| push_line(&mut self.ready, line));
            }
        }
    }

    /// Takes what the program printed, and returns its lines as text, with the run that they belong to.
    pub(super) fn print(&mut self, bytes: &[u8]) -> Vec<String> {
        let lines = self.user.push(bytes);
        for line in &lines {
            let shown = self.user.shown(line);
            self.ready.extend(shown);
        }
        lines.iter().map(|line| plain(line)).collect()
    }

    /// Takes lines that are whole, from somebody who knows of the screen.
    pub(super) fn print_lines(&mut self, lines: &[u8]) {
        self.ready.extend_from_slice(lines);
    }

    /// Ends the line that the program has not ended, if there is one, and returns it as text.
    pub(super) fn end_line(&mut self) -> Option<String> {
        if self.user.open().is_empty() {
            return None;
        }
        self.print(b"\n").pop()
    }

    /// Returns the run that what is printed now belongs to: the one that began last.
    pub(super) fn run(&self) -> Option<FlowRunId> {
        self.runs.last().map(|run| run.view.flow_run())
    }

    /// Whether what is drawn changes by itself as time goes on.
    pub(super) fn is_moving(&self) -> bool {
        self.runs.iter().any(|run| !run.view.state().is_over())
    }

    /// Returns what is to be drawn below everything else, on a terminal of so many rows.
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

    /// Tells how the runs ended of which that was not told yet.
    pub(super) fn report_ends(&mut self) {
        if self.mode != Mode::Live {
            return;
        }
        let mut lines = Vec::new();
        for run in &mut self.runs {
            if run.view.state().is_over() && !run.end_is_told {
                run.end_is_told = true;
                // Something that was printed may stand above it.
                lines.push(Line::default());
                lines.extend(finished(&run.view, self.columns, &self.options.program));
            }
        }
        // Of runs that were told to the end, the last is kept: late lines belong to it.
        let last = self.runs.len().saturating_sub(1);
        let mut place = 0;
        self.runs.retain(|run| {
            place += 1;
            !run.end_is_told || place > last
        });
        self.write(&lines);
    }

    fn write(&mut self, lines: &[Line]) {
        for line in lines {
            push_line(&mut self.ready, self.paint.line(line));
        }
    }
}

impl StoryRun {
    /// Returns `lines`, or less if the task has had many.
    fn limited(&mut self, task: &str, lines: Vec<Line>) -> Vec<Line> {
        let told = self.facts.entry(task.to_owned()).or_default();
        *told += 1;
        match (*told).cmp(&FACTS_MAX) {
            std::cmp::Ordering::Less => lines,
            std::cmp::Ordering::Equal => {
                let words = format!("  … what else happens to `{}` is only counted", visible(task));
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
