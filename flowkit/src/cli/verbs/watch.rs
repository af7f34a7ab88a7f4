//! `watch`: what happens to a run and its sub-flows, from the beginning to the end, also in another process. The lines are
//! those that `run` prints, with the date.

use clap::ArgMatches;

use super::feed::{Feed, FeedEvent};
use super::follow::{Follower, RunStatus, report_removal};
use crate::cli::Exit;
use crate::cli::out::print_line;
use crate::cli::secrets::recorded_text;
use crate::cli::session::Session;
use crate::cli::usage::UsageResult;
use crate::engine::spec::FlowSpec;
use crate::model::{StoredFlowRun, iso};
use crate::terminal::RunView;
use crate::terminal::fact::Fact;
use crate::terminal::json::line;
use crate::terminal::picture::Program;
use crate::terminal::plain_lines::of_fact;

pub(super) async fn watch(session: &Session, matches: &ArgMatches) -> UsageResult<Exit> {
    let store = session.settings.look_back()?;
    let run = session.run(&store, matches, "run")?;
    let mut follower = Follower::of(&store, run.id);
    let mut feed = Feed::of(&run);
    let mut printer = Printer::of(session, &run);
    loop {
        let status = follower.poll()?;
        while let Some(event) = feed.next(&store)? {
            printer.lines(&event).into_iter().for_each(print_line);
        }
        match status {
            RunStatus::UnderWay => follower.wait().await,
            RunStatus::Over(state) if state.is_success() => return Ok(Exit::SUCCESS),
            RunStatus::Over(_) => return Ok(Exit::FAILURE),
            RunStatus::Removed => {
                report_removal(session, run.id);
                return Ok(Exit::FAILURE);
            }
        }
    }
}

/// Turns events into lines. Remembers what the summary at the end needs.
struct Printer {
    view: RunView,
    program: Program,
    parameters: Option<String>,
    is_json: bool,
}

impl Printer {
    fn of(session: &Session, run: &StoredFlowRun) -> Self {
        let declared = session.program.flow_of(&run.path).map(FlowSpec::all_parameters).unwrap_or_default();
        let parameters = run.parameters.as_deref().map(|json| recorded_text(&declared, json));
        let view = RunView::replaying(run).with_parameters(parameters.as_deref().unwrap_or_default());
        Self { view, program: session.offers_for(run), parameters, is_json: session.is_json() }
    }

    fn lines(&mut self, event: &FeedEvent) -> Vec<String> {
        let notice = event.notice();
        let fact = Fact::taken(&notice, &mut self.view);
        if self.is_json {
            let line = line(&self.view, &fact, self.parameters.as_deref(), &self.program);
            return line.into_iter().collect();
        }
        of_fact(&self.view, &fact, Some(&self.program), Some(&iso(notice.at.into())))
    }
}
