//! `runs`: lists runs, the newest first.

use clap::ArgMatches;

use crate::cli::failure_line::why;
use crate::cli::json;
use crate::cli::out::{columns, note, print_line, table};
use crate::cli::outcome;
use crate::cli::relative_time::ago;
use crate::cli::rows;
use crate::cli::session::Session;
use crate::cli::usage::UsageResult;
use crate::clock;
use crate::model::{StoredFlowRun, WallTime};
use crate::store::{FlowRunFilter, History as _};
use crate::text::columns;

pub(super) fn runs(session: &Session, matches: &ArgMatches) -> UsageResult<()> {
    let words: Vec<String> = matches.get_many::<String>("filter").unwrap_or_default().cloned().collect();
    let limit = usize::try_from(matches.get_one::<u64>("limit").copied().unwrap_or(20)).unwrap_or(usize::MAX);
    let now = clock::wall();
    let sub_flows = matches.get_flag("sub-flows");
    let filter = FlowRunFilter { sub_flows, ..FlowRunFilter::parse(&words.join(" "), now)? };
    let store = session.settings.look_back()?;
    let page = store.flow_runs(&filter, None, limit)?;
    if session.is_json() {
        page.runs.iter().map(|run| json::run(session, run)).for_each(print_line);
        return Ok(());
    }
    if page.runs.is_empty() {
        let with_sub_flows = FlowRunFilter { sub_flows: true, ..filter };
        let hint = match rows::newest(&store, &with_sub_flows)? {
            Some(_) => "; runs of sub-flows are: add `--sub-flows`".to_owned(),
            None => suggestion(session, &words, now),
        };
        note(format!("no run matches{hint}"));
        return Ok(());
    }
    let rows: Vec<_> = page.runs.iter().map(|run| row(run, now, sub_flows)).collect();
    let columns = columns().unwrap_or(usize::MAX);
    table(&rows).iter().map(|line| columns::shortened(line, columns)).for_each(print_line);
    if page.next.is_some() {
        note(format!("there are more: `--limit {}`", limit.saturating_mul(10)));
    }
    Ok(())
}

/// Suggests the filter that may have been meant by a word that is searched for as text.
fn suggestion(session: &Session, words: &[String], now: WallTime) -> String {
    let meant = words.iter().find_map(|word| {
        let is_state = FlowRunFilter::parse(&format!("state:{word}"), now).is_ok();
        let is_flow = session.program.flow(word).is_ok();
        is_state.then(|| format!("state:{word}")).or_else(|| is_flow.then(|| format!("flow:{word}")))
    });
    meant.map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default()
}

fn row(run: &StoredFlowRun, now: WallTime, with_parent: bool) -> Vec<String> {
    let took = run.duration().map(columns::duration).unwrap_or_default();
    let why = run.error.as_deref().map(why);
    let name = run.name.clone().or(why).unwrap_or_default();
    let parent = run.parent.map(|(parent, _)| format!("in {}", parent.short())).unwrap_or_default();
    let mut row = vec![
        run.id.short(),
        format!("{} {}", outcome::sign(run), outcome::words(run)),
        run.flow.clone(),
        ago(run.created_at, now),
        took,
        columns::shortened(&columns::visible(&name), 80),
    ];
    if with_parent {
        row.insert(3, parent);
    }
    row
}
