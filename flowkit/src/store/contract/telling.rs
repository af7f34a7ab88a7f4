//! What task runs say of themselves: artifacts, metrics, and which files they made and used.

use std::time::Duration;

use super::StorePlace;
use super::script::*;
use crate::model::{Artifact, ArtifactKind, Digest, FlowRunId, Metric, StoredArtifact, TaskRunId, WallTime};
use crate::store::{Fact, FactKind, Retention, Store};

const FETCH_RUN: TaskRunId = TaskRunId::new(1);
const LATER: WallTime = WallTime::from_micros(FIRST.as_micros() + 5);

fn reports(store: &dyn Store, run: &Script, task_run: TaskRunId, kind: FactKind) {
    store.report(Fact { run: run.owned, task_run, at: LATER, kind });
}

fn artifact(key: &str, content: impl Into<Vec<u8>>) -> Artifact {
    Artifact {
        key: key.into(),
        kind: ArtifactKind::Markdown,
        media_type: "text/markdown".into(),
        file_name: None,
        content: content.into(),
        describes: None,
    }
}

fn makes(store: &dyn Store, run: &Script, key: &str, content: impl Into<Vec<u8>>) {
    reports(store, run, FETCH_RUN, FactKind::Made(artifact(key, content)));
}

fn measures(store: &dyn Store, run: &Script, name: &str, step: Option<u64>, value: f64) {
    reports(store, run, FETCH_RUN, FactKind::Measured(Metric { name: name.into(), step, value }));
}

/// All artifacts of a run, as `key/version`.
fn versions(store: &dyn Store, run: FlowRunId) -> Vec<String> {
    let artifacts = store.artifacts(run, 0, usize::MAX).unwrap();
    artifacts.iter().map(|artifact| format!("{}/{}", artifact.key, artifact.version)).collect()
}

pub fn artifacts_read_in_order_with_who_made_them_and_what_they_are<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let (run, other) = (Script::begin(store), Script::begin(store));
    let file = Digest::from_bytes([7; 32]);
    let first =
        Artifact { file_name: Some("r.md".into()), describes: Some(file), ..artifact("report", "# Hi") };
    reports(store, &run, FETCH_RUN, FactKind::Made(first));
    makes(store, &other, "another run's", "");
    reports(store, &run, TaskRunId::FLOW, FactKind::Made(artifact("summary", "")));
    makes(store, &run, "rows\0", "[]");
    store.flush().unwrap();
    let all = store.artifacts(run.id(), 0, 10).unwrap();
    let first = StoredArtifact {
        sequence: 1,
        task_run: FETCH_RUN,
        at: LATER,
        key: "report".into(),
        version: 1,
        kind: ArtifactKind::Markdown,
        media_type: "text/markdown".into(),
        file_name: Some("r.md".into()),
        bytes: 4,
        describes: Some(file),
    };
    assert_eq!(all[0], first);
    assert_eq!((all[1].sequence, all[1].task_run, all[1].bytes), (2, TaskRunId::FLOW, 0));
    assert_eq!(all.len(), 3);
    assert_eq!(store.artifacts(run.id(), 1, 1).unwrap(), all[1..2]);
    assert_eq!(store.artifacts(run.id(), 3, 9).unwrap(), []);
}

pub fn a_later_artifact_of_the_same_key_is_a_new_version<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let (run, other) = (Script::begin(store), Script::begin(store));
    makes(store, &run, "report", "draft");
    makes(store, &run, "rows", "[]");
    store.flush().unwrap();
    makes(store, &run, "report", "final");
    makes(store, &other, "report", "of another run");
    store.flush().unwrap();
    assert_eq!(versions(store, run.id()), ["report/1", "rows/1", "report/2"]);
    assert_eq!(versions(store, other.id()), ["report/1"]);
    assert_eq!(store.artifact(run.id(), 1).unwrap().unwrap(), b"draft", "the earlier one stays");
    assert_eq!(store.artifact(run.id(), 3).unwrap().unwrap(), b"final");
}

pub fn the_content_of_an_artifact_reads_as_it_was_written_however_long_it_is<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let run = Script::begin(store);
    let contents = [Vec::new(), b"\0\xff".to_vec(), vec![7; 1 << 20]];
    for content in &contents {
        makes(store, &run, "one", content.clone());
    }
    store.flush().unwrap();
    for (content, sequence) in contents.iter().zip(1..) {
        assert!(store.artifact(run.id(), sequence).unwrap().as_ref() == Some(content), "{sequence}");
    }
    assert_eq!(store.artifacts(run.id(), 2, 1).unwrap()[0].bytes, 1 << 20);
    assert_eq!(store.artifact(run.id(), 4).unwrap(), None);
    assert_eq!(store.prune(Retention { newest: Some(9), ..Retention::default() }).unwrap().files, 0);
    assert!(store.artifact(run.id(), 3).unwrap().is_some(), "a sweep leaves what is pointed to");
}

pub fn every_kind_of_artifact_reads_as_it_was_written<P: StorePlace>() {
    use ArtifactKind::{Dataset, File, Image, Link, Markdown, Model, Table};
    let kinds = [Markdown, Table, Link, Image, File, Dataset, Model];
    let place = P::new();
    let store = place.store();
    let run = Script::begin(store);
    for kind in kinds {
        reports(store, &run, FETCH_RUN, FactKind::Made(Artifact { kind, ..artifact(kind.name(), "") }));
    }
    store.flush().unwrap();
    let read: Vec<_> =
        store.artifacts(run.id(), 0, 99).unwrap().iter().map(|artifact| artifact.kind).collect();
    assert_eq!(read, kinds);
}

pub fn metrics_read_as_they_were_measured<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let run = Script::begin(store);
    let odd = 0.1 + 0.2;
    measures(store, &run, "loss", Some(0), odd);
    measures(store, &run, "loss", Some(u64::MAX), f64::NEG_INFINITY);
    measures(store, &run, "accuracy", None, 0.93);
    store.flush().unwrap();
    let all = store.metrics(run.id(), 0, usize::MAX).unwrap();
    let read: Vec<_> = all.iter().map(|metric| (metric.name.as_str(), metric.step, metric.value)).collect();
    let expected =
        [("loss", Some(0), odd), ("loss", Some(u64::MAX), f64::NEG_INFINITY), ("accuracy", None, 0.93)];
    assert_eq!(read, expected);
    assert!(all.iter().zip(1..).all(|(metric, sequence)| metric.sequence == sequence));
    assert_eq!((all[0].task_run, all[0].at), (FETCH_RUN, LATER));
    assert_eq!(store.metrics(run.id(), 1, 1).unwrap(), all[1..2]);
}

pub fn a_number_that_is_none_is_kept<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    measures(store, &run, "loss", None, f64::NAN);
    run.completes(store, &FETCH, b"1");
    let all = store.metrics(run.id(), 0, 9).unwrap();
    assert!(all[0].value.is_nan());
    assert_eq!(all_task_runs(store, run.id()).len(), 1, "and harms nothing that is written with it");
}

pub fn a_file_knows_who_made_it_and_who_used_it_in_all_runs<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let (train, serve) = (Script::begin(store), Script::begin(store));
    let [file, other] = [[1; 32], [2; 32]].map(Digest::from_bytes);
    let evaluate = TaskRunId::new(2);
    for key in ["model", "model", "copy"] {
        let described = Artifact { describes: Some(file), kind: ArtifactKind::Model, ..artifact(key, "{}") };
        reports(store, &train, FETCH_RUN, FactKind::Made(described));
    }
    for (run, task_run, used) in [
        (&train, evaluate, file),
        (&train, evaluate, file),
        (&train, evaluate, other),
        (&serve, FETCH_RUN, file),
    ] {
        reports(store, run, task_run, FactKind::Used(used));
    }
    store.flush().unwrap();
    let lineage = store.lineage(file).unwrap();
    assert_eq!(lineage.made_by, [(train.id(), FETCH_RUN)]);
    assert_eq!(lineage.used_by, [(train.id(), evaluate), (serve.id(), FETCH_RUN)]);
    let lineage = store.lineage(other).unwrap();
    assert_eq!((lineage.made_by.len(), lineage.used_by.len()), (0, 1));
}

pub fn a_former_owner_says_nothing_of_the_run_any_more<P: StorePlace>() {
    let mut place = P::new();
    let mut run = Script::begin(place.store());
    makes(place.store(), &run, "before", "");
    place.store().flush().unwrap();
    place.crash();
    let store = place.store();
    makes(store, &run, "nobody's", "");
    let recovered = store.take_over(run.id()).unwrap();
    makes(store, &run, "late", "");
    measures(store, &run, "late", None, 1.0);
    reports(store, &run, FETCH_RUN, FactKind::Used(Digest::from_bytes([1; 32])));
    run.goes_on(&recovered);
    makes(store, &run, "after", "");
    store.flush().unwrap();
    assert_eq!(versions(store, run.id()), ["before/1", "after/1"]);
    assert_eq!(store.metrics(run.id(), 0, 9).unwrap(), []);
    assert_eq!(store.lineage(Digest::from_bytes([1; 32])).unwrap().used_by, []);
}

pub fn what_was_said_before_a_death_is_there_when_the_run_goes_on<P: StorePlace>() {
    let mut place = P::new();
    let mut run = Script::begin(place.store());
    makes(place.store(), &run, "report", "old");
    measures(place.store(), &run, "accuracy", None, 0.9);
    // It is written before the result of the task, which is acknowledged.
    run.completes(place.store(), &FETCH, b"1");
    place.crash();
    let store = place.store();
    run.goes_on(&store.take_over(run.id()).unwrap());
    makes(store, &run, "report", "new");
    store.flush().unwrap();
    assert_eq!(versions(store, run.id()), ["report/1", "report/2"]);
    assert_eq!(store.artifact(run.id(), 1).unwrap().unwrap(), b"old");
    assert_eq!(store.metrics(run.id(), 0, 9).unwrap()[0].value, 0.9);
}

pub fn what_a_run_has_said_goes_with_it<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let mut run = Script::begin(store);
    let file = Digest::from_bytes([1; 32]);
    makes(store, &run, "large", vec![7; 1 << 20]);
    measures(store, &run, "accuracy", None, 0.9);
    reports(store, &run, FETCH_RUN, FactKind::Used(file));
    reports(
        store,
        &run,
        FETCH_RUN,
        FactKind::Made(Artifact { describes: Some(file), ..artifact("model", "{}") }),
    );
    run.ends(store);
    let day = Retention { younger_than: Some(Duration::from_secs(86_400)), ..Retention::default() };
    assert_eq!(store.prune(day).unwrap().flow_runs, 1);
    assert_eq!(store.artifacts(run.id(), 0, 9).unwrap(), []);
    assert_eq!(store.artifact(run.id(), 1).unwrap(), None);
    assert_eq!(store.metrics(run.id(), 0, 9).unwrap(), []);
    assert_eq!(store.lineage(file).unwrap(), crate::model::Lineage::default());
}

pub fn of_an_unknown_run_nothing_was_said<P: StorePlace>() {
    let place = P::new();
    let store = place.store();
    let run = Script::begin(store);
    makes(store, &run, "report", "");
    store.flush().unwrap();
    let unknown = FlowRunId::new(uuid::Uuid::nil());
    assert_eq!(store.artifacts(unknown, 0, 9).unwrap(), []);
    assert_eq!(store.artifact(unknown, 1).unwrap(), None);
    assert_eq!(store.metrics(unknown, 0, 9).unwrap(), []);
}
