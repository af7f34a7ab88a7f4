//! Looking back: finding, choosing, turning pages.

use std::time::Duration;

use super::StorePlace;
use super::script::*;
use crate::model::{Declaration, EventKind, FlowRunId, Kind, State, TaskRunId, WallTime};
use crate::store::{FlowRunFilter, LogFilter, Store, TaskRunFilter};

static REPORT: Declaration = declaration(Kind::Flow, "Daily Report");

fn chosen(store: &dyn Store, filter: &FlowRunFilter) -> Vec<FlowRunId> {
    let page = store.flow_runs(filter, None, usize::MAX).unwrap();
    assert_eq!(page.next, None);
    page.runs.iter().map(|run| run.id).collect()
}

fn seconds(seconds: i64) -> WallTime {
    WallTime::from_micros(FIRST.as_micros() + seconds * 1_000_000)
}

fn born_at(store: &dyn Store, after: i64) -> Script {
    Script::born(store, &ETL, Birth { created_at: Some(seconds(after)), ..Birth::default() })
}

pub fn a_run_is_found_by_the_beginning_of_either_id<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let runs: Vec<FlowRunId> = (0..8).map(|after| born_at(store, after).id()).collect();
    store.flush().unwrap();
    for id in &runs {
        assert_eq!(store.find(&id.to_string(), 9).unwrap(), [*id]);
        assert_eq!(store.find(&id.short(), 9).unwrap(), [*id]);
        assert!(store.find(&id.short()[..3], 9).unwrap().contains(id));
        assert_eq!(store.find(&id.short().to_uppercase(), 9).unwrap(), [*id]);
    }
    let newest_first: Vec<_> = runs.iter().rev().copied().collect();
    // All were made in the same hours: their long ids begin alike.
    let prefix = &runs[0].to_string()[..6];
    assert_eq!(store.find(prefix, 9).unwrap(), newest_first);
    assert_eq!(store.find(prefix, 3).unwrap(), newest_first[..3]);
    assert_eq!(store.find(&runs[0].to_string()[..10], 9).unwrap().last(), Some(&runs[0]));
    for nothing in ["zzzzzzz", "%", "_", "'", "🚀", "a\0"] {
        assert_eq!(store.find(nothing, 9).unwrap(), [], "{nothing}");
    }
}

pub fn pages_have_no_gaps_and_no_repeats<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    // Several were created in the same moment.
    let mut all: Vec<FlowRunId> = (0..23).map(|after| born_at(store, after / 3).id()).collect();
    store.flush().unwrap();
    all.reverse();
    let filter = FlowRunFilter { flows: vec!["etl".into()], ..FlowRunFilter::default() };
    for limit in [1, 4, 22, 23, 24] {
        let (mut seen, mut before) = (Vec::new(), None);
        loop {
            let page = store.flow_runs(&filter, before, limit).unwrap();
            assert!(page.runs.len() <= limit);
            seen.extend(page.runs.iter().map(|run| run.id));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(seen, all, "pages of {limit}");
    }
}

pub fn the_newest_run_is_the_one_that_came_last_whatever_its_clock_said<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let at = [9_000_000, 5, 7_000, 6, 0];
    let mut all: Vec<FlowRunId> = at.iter().map(|after| born_at(store, *after).id()).collect();
    store.flush().unwrap();
    all.reverse();
    assert_eq!(chosen(store, &FlowRunFilter::default()), all);
    assert_eq!(store.find("0", 9).unwrap(), all, "long ids begin with the time");
    let page = store.flow_runs(&FlowRunFilter::default(), Some(all[1]), 9).unwrap();
    assert_eq!(page.runs.iter().map(|run| run.id).collect::<Vec<_>>(), all[2..]);
    let since = FlowRunFilter { since: Some(seconds(6)), ..FlowRunFilter::default() };
    assert_eq!(chosen(store, &since), [all[1], all[2], all[4]], "a filter names times");
}

pub fn runs_are_chosen_by_state<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let pending = born_at(store, 0);
    let mut running = born_at(store, 1);
    running.happens(store, TaskRunId::FLOW, started(1));
    let mut ended = born_at(store, 2);
    ended.ends(store);
    let of = |states: &[State]| {
        chosen(store, &FlowRunFilter { states: states.to_vec(), ..FlowRunFilter::default() })
    };
    assert_eq!(of(&[State::Running]), [running.id()]);
    assert_eq!(of(&[State::Pending, State::Completed]), [ended.id(), pending.id()]);
    assert_eq!(of(&[State::Failed]), []);
    assert_eq!(of(&[]).len(), 3);
}

pub fn runs_are_chosen_by_flow<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let etl = born_at(store, 0);
    let report = Script::born(store, &REPORT, Birth::default());
    store.flush().unwrap();
    let of = |flows: &[&str]| {
        let flows = flows.iter().map(|flow| (*flow).to_owned()).collect();
        chosen(store, &FlowRunFilter { flows, ..FlowRunFilter::default() })
    };
    assert_eq!(of(&["Daily Report"]), [report.id()]);
    assert_eq!(of(&["Daily Report", "etl"]).len(), 2);
    assert_eq!(of(&["et"]), []);
    assert_eq!(of(&["etl", "nothing"]), [etl.id()]);
}

pub fn runs_are_chosen_by_tag<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let tagged =
        |tag: &str| Script::born(store, &ETL, Birth { tags: vec![tag.into()], ..Birth::default() }).id();
    let (eu, us) = (tagged("eu"), tagged("us \"1\""));
    store.flush().unwrap();
    let of = |tags: &[&str]| {
        let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
        chosen(store, &FlowRunFilter { tags, ..FlowRunFilter::default() })
    };
    assert_eq!(of(&["eu"]), [eu]);
    assert_eq!(of(&["us \"1\""]), [us]);
    assert_eq!(of(&["eu", "us \"1\""]), [us, eu]);
    // The flow's own tags count too.
    assert_eq!(of(&["nightly"]), [us, eu]);
    assert_eq!(of(&["e"]), []);
}

pub fn runs_are_chosen_by_the_owner_of_their_flow<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    Script::begin(store);
    let owned = [(); 2].map(|()| Script::born(store, &OWNED, Birth::default()).id());
    store.flush().unwrap();
    let of = |owners: &[&str]| {
        let owners = owners.iter().map(|owner| (*owner).to_owned()).collect();
        chosen(store, &FlowRunFilter { owners, ..FlowRunFilter::default() })
    };
    assert_eq!(of(&["ml-team"]), [owned[1], owned[0]]);
    assert_eq!(of(&["ops", "ml-team"]), [owned[1], owned[0]]);
    assert_eq!(of(&["ml"]), []);
}

pub fn a_run_knows_the_owner_of_its_flow_and_the_revision_of_the_code<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let (plain, owned) = (Script::begin(store), Script::born(store, &OWNED, Birth::default()));
    store.flush().unwrap();
    let of = |run: &Script| {
        let row = flow_row(store, run.id());
        (row.owner, row.revision)
    };
    assert_eq!(of(&plain), (None, Some("4f1d2c3".to_owned())));
    assert_eq!(of(&owned), (Some("ml-team".to_owned()), Some("4f1d2c3".to_owned())));
}

pub fn runs_are_chosen_by_time<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let ids: Vec<FlowRunId> = (0..4).map(|after| born_at(store, after).id()).collect();
    store.flush().unwrap();
    let of = |since: Option<i64>, until: Option<i64>| {
        let (since, until) = (since.map(seconds), until.map(seconds));
        chosen(store, &FlowRunFilter { since, until, ..FlowRunFilter::default() })
    };
    assert_eq!(of(Some(2), None), [ids[3], ids[2]]);
    assert_eq!(of(None, Some(2)), [ids[1], ids[0]]);
    assert_eq!(of(Some(1), Some(3)), [ids[2], ids[1]]);
    assert_eq!(of(Some(3), Some(1)), []);
}

pub fn runs_are_chosen_by_text<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let report = Script::born(store, &REPORT, Birth::default()).id();
    let birth = Birth { name: Some("100% of_Monday".into()), ..Birth::default() };
    let named = Script::born(store, &ETL, birth).id();
    store.flush().unwrap();
    let of =
        |text: &str| chosen(store, &FlowRunFilter { text: Some(text.into()), ..FlowRunFilter::default() });
    for text in ["daily", "ly rep", "REPORT", report.short().as_str(), &report.short()[..6]] {
        assert_eq!(of(text), [report], "{text}");
    }
    for text in ["monday", "0% of", "of_m"] {
        assert_eq!(of(text), [named], "{text}");
    }
    for text in ["1%f", "of__m", "\"", "'; --", "a\0"] {
        assert_eq!(of(text), [], "{text}");
    }
}

pub fn failures_are_counted_and_runs_chosen_by_their_number<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let fails = |script: &mut Script| {
        let id = script.create(store, &FETCH);
        script.happens(store, id, started(1));
        script.happens(store, id, failed("404"));
    };
    let flow = TaskRunId::FLOW;
    let mut well = born_at(store, 0);
    well.happens(store, flow, started(1));
    well.completes(store, &FETCH, b"1");
    well.happens(store, flow, EventKind::Completed);
    let mut badly = born_at(store, 1);
    badly.happens(store, flow, started(1));
    fails(&mut badly);
    fails(&mut badly);
    badly.happens(store, flow, EventKind::Completed);
    // What failed in an attempt that another one followed is no failure of the run.
    let mut anew = born_at(store, 2);
    anew.happens(store, flow, started(1));
    fails(&mut anew);
    fails(&mut anew);
    anew.happens(store, flow, retried(1, Duration::ZERO));
    anew.happens(store, flow, started(2));
    fails(&mut anew);
    anew.happens(store, flow, EventKind::Completed);
    store.flush().unwrap();
    for (run, count) in [(&well, 0), (&badly, 2), (&anew, 1)] {
        let row = store.flow_run(run.id()).unwrap().unwrap();
        assert_eq!((row.failures, row.completed_with_failures()), (count, count > 0));
    }
    let of = |range| chosen(store, &FlowRunFilter { failures: Some(range), ..FlowRunFilter::default() });
    assert_eq!(of(1..=u64::MAX), [anew.id(), badly.id()]);
    assert_eq!(of(0..=1), [anew.id(), well.id()]);
    assert_eq!(of(2..=2), [badly.id()]);
    assert_eq!(of(3..=9), []);
}

pub fn all_kinds_of_a_filter_must_hold<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut wanted = None;
    for (after, tag) in [(0, "eu"), (1, "us"), (2, "eu"), (3, "eu")] {
        let birth = Birth { created_at: Some(seconds(after)), tags: vec![tag.into()], ..Birth::default() };
        let mut run = Script::born(store, &ETL, birth);
        if after != 3 {
            run.happens(store, TaskRunId::FLOW, started(1));
        }
        if after == 2 {
            wanted = Some(run.id());
        }
    }
    store.flush().unwrap();
    let filter = FlowRunFilter {
        states: vec![State::Running],
        flows: vec!["etl".into()],
        tags: vec!["eu".into()],
        owners: Vec::new(),
        since: Some(seconds(1)),
        until: Some(seconds(9)),
        text: Some("et".into()),
        failures: None,
        sub_flows: true,
        parent: None,
    };
    assert_eq!(chosen(store, &filter), wanted.into_iter().collect::<Vec<_>>());
}

/// A run, the node of a sub-flow in it, and two runs of that sub-flow.
fn family(store: &dyn Store) -> (Script, TaskRunId, [FlowRunId; 2]) {
    let mut parent = Script::begin(store);
    let node = parent.create(store, &REPORT);
    let child = |task_run| {
        let birth = Birth { parent: Some((parent.id(), task_run)), ..Birth::default() };
        Script::born(store, &REPORT, birth).id()
    };
    let children = [child(node), child(node)];
    child(TaskRunId::FLOW);
    store.flush().unwrap();
    (parent, node, children)
}

pub fn runs_of_sub_flows_are_left_out_unless_asked_for<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let (parent, node, [first, _]) = family(store);
    assert_eq!(flow_row(store, first).parent, Some((parent.id(), node)));
    assert_eq!(chosen(store, &FlowRunFilter::default()), [parent.id()]);
    let filter = FlowRunFilter { sub_flows: true, ..FlowRunFilter::default() };
    assert_eq!(chosen(store, &filter).len(), 4);
    let inside = |run| FlowRunFilter { parent: Some(run), ..FlowRunFilter::default() };
    assert_eq!(chosen(store, &inside(parent.id())).len(), 3);
    assert_eq!(chosen(store, &inside(first)), []);
}

pub fn children_are_the_runs_that_a_task_run_started<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let (parent, node, [first, second]) = family(store);
    assert_eq!(store.sub_flow_runs(parent.id(), node).unwrap(), [second, first]);
    assert_eq!(store.sub_flow_runs(parent.id(), TaskRunId::FLOW).unwrap().len(), 1);
    assert_eq!(store.sub_flow_runs(parent.id(), TaskRunId::new(9)).unwrap(), []);
    assert_eq!(store.sub_flow_runs(first, node).unwrap(), []);
}

pub fn task_runs_are_chosen_by_state_and_task_and_read_in_pages<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    for _ in 0..5 {
        run.completes(store, &FETCH, b"1");
        run.create(store, &LOAD);
    }
    store.flush().unwrap();
    let ids = |filter: &TaskRunFilter, after: u64, limit: usize| -> Vec<u64> {
        let rows = store.task_runs(run.id(), filter, TaskRunId::new(after), limit).unwrap();
        rows.iter().map(|row| row.id.get()).collect()
    };
    let all = TaskRunFilter::default();
    assert_eq!(ids(&all, 0, 99), (1..=10).collect::<Vec<_>>());
    assert_eq!(ids(&all, 3, 4), [4, 5, 6, 7]);
    let completed = TaskRunFilter { states: vec![State::Completed], ..TaskRunFilter::default() };
    assert_eq!(ids(&completed, 0, 99), [1, 3, 5, 7, 9]);
    let load = TaskRunFilter { tasks: vec!["load".into(), "x".into()], ..TaskRunFilter::default() };
    assert_eq!(ids(&load, 4, 2), [6, 8]);
    let neither = TaskRunFilter { tasks: vec!["load".into()], ..completed };
    assert_eq!(ids(&neither, 0, 99), [0; 0]);
    let called = |name: &str| TaskRunFilter { called: Some(name.into()), ..TaskRunFilter::default() };
    assert_eq!(ids(&called("load"), 4, 2), [6, 8]);
    assert_eq!(ids(&called("loa"), 0, 99), [0; 0]);
    let mut named = Script::begin(store);
    let id = named.create_named(store, &LOAD, Some("of monday".to_owned()));
    store.flush().unwrap();
    for name in ["of monday", "load"] {
        let found = store.task_runs(named.id(), &called(name), TaskRunId::FLOW, 9).unwrap();
        assert_eq!(found.iter().map(|row| row.id).collect::<Vec<_>>(), [id], "{name}");
    }
}

pub fn task_runs_are_counted_by_state<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    for _ in 0..3 {
        run.completes(store, &FETCH, b"1");
    }
    let skipped = run.create(store, &LOAD);
    run.happens(store, skipped, EventKind::Cached);
    run.create(store, &LOAD);
    store.flush().unwrap();
    let mut counts = store.counts(run.id()).unwrap();
    counts.sort_by_key(|(state, _)| state.name());
    assert_eq!(counts, [(State::Cached, 1), (State::Completed, 3), (State::Pending, 1)]);
}

pub fn of_an_unknown_run_there_is_nothing_to_read<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let nobody = FlowRunId::new(uuid::Uuid::from_u128(1));
    assert_eq!(store.flow_run(nobody).unwrap(), None);
    assert_eq!(all_task_runs(store, nobody), []);
    assert_eq!(store.counts(nobody).unwrap(), []);
    assert_eq!(store.events(nobody, 0, 9).unwrap(), []);
    assert_eq!(store.logs(nobody, &LogFilter::default(), 0, 9).unwrap(), []);
    assert_eq!(store.dropped_logs(nobody).unwrap(), []);
    assert_eq!(store.flow_runs(&FlowRunFilter::default(), Some(nobody), 9).unwrap().runs, []);
}
