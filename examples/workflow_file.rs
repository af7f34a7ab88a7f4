//! What you learn: a graph that comes from data. The tasks of a file, with their names and edges, become the tasks of a run.
//!
//! cargo run --example workflow_file -- examples/data/rnaseq.json
//!
//! ```text
//!     3s  INPUT_CHECK:SAMPLESHEET_CHECK
//!    12s  PREPARE_GENOME:GTF_FILTER
//!    43s  FASTQ_FASTQC_TRIMGALORE:FASTQC (WT_REP3)
//!    51s  FASTQ_FASTQC_TRIMGALORE:FASTQC (WT_REP1)
//!    54s  FASTQ_FASTQC_TRIMGALORE:FASTQC (WT_REP2)
//!    83s  FASTQ_FASTQC_TRIMGALORE:TRIMGALORE (WT_REP3)
//!    99s  FASTQ_FASTQC_TRIMGALORE:TRIMGALORE (WT_REP1)
//!   105s  FASTQ_FASTQC_TRIMGALORE:TRIMGALORE (WT_REP2)
//!   623s  PREPARE_GENOME:STAR_GENOMEGENERATE
//!   995s  ALIGN_STAR:STAR_ALIGN (WT_REP3)
//!  1026s  ALIGN_STAR:STAR_ALIGN (WT_REP1)
//!  1030s  ALIGN_STAR:SAMTOOLS_SORT (WT_REP3)
//!  1065s  ALIGN_STAR:SAMTOOLS_SORT (WT_REP1)
//!  1079s  ALIGN_STAR:STAR_ALIGN (WT_REP2)
//!  1120s  ALIGN_STAR:SAMTOOLS_SORT (WT_REP2)
//!  1187s  SUBREAD_FEATURECOUNTS
//!  1209s  MULTIQC
//! 17 tasks: 2476 s one by one, 1209 s side by side, because of
//!   PREPARE_GENOME:GTF_FILTER
//!   > PREPARE_GENOME:STAR_GENOMEGENERATE
//!   > ALIGN_STAR:STAR_ALIGN (WT_REP2)
//!   > ALIGN_STAR:SAMTOOLS_SORT (WT_REP2)
//!   > SUBREAD_FEATURECOUNTS
//!   > MULTIQC
//! flowchart LR
//!     n1("✓ INPUT_CHECK#58;SAMPLESHEET_CHECK<br/>Completed · 60µs"):::good
//!     n2("✓ PREPARE_GENOME#58;GTF_FILTER<br/>Completed · 24µs"):::good
//!     n3("✓ NFCORE_RNASEQ#58;RNASEQ#58;FASTQ_FASTQC_TRIMGALORE#58;TRIMGALORE ×3<br/>Completed · 10µs"):::good
//!     n4("✓ NFCORE_RNASEQ#58;RNASEQ#58;FASTQ_FASTQC_TRIMGALORE#58;FASTQC ×3<br/>Completed · 10µs"):::good
//!     n6("✓ PREPARE_GENOME#58;STAR_GENOMEGENERATE<br/>Completed · 5µs"):::good
//!     n10("✓ NFCORE_RNASEQ#58;RNASEQ#58;ALIGN_STAR#58;STAR_ALIGN ×3<br/>Completed · 6µs"):::good
//!     n13("✓ NFCORE_RNASEQ#58;RNASEQ#58;ALIGN_STAR#58;SAMTOOLS_SORT ×3<br/>Completed · 4µs"):::good
//!     n16("✓ SUBREAD_FEATURECOUNTS<br/>Completed · 7µs"):::good
//!     n17("✓ MULTIQC<br/>Completed · 8µs"):::good
//!     n1 --> n3
//!     n1 --> n4
//!     n2 --> n6
//!     n3 --> n10
//!     n6 --> n10
//!     n10 --> n13
//!     n13 --> n16
//!     n2 --> n16
//!     n4 --> n17
//!     n3 --> n17
//!     n10 --> n17
//!     n16 --> n17
//!     classDef good fill:#e9f7f2,stroke:#009e73,color:#1b1f24
//! ```
//!
//! The file has the format of <https://wfcommons.org>, in which traces of real workflows are published. Each task "works" by
//! finding out when it would have ended.

use std::collections::{HashMap, HashSet};

use flowkit::prelude::*;
use serde::{Deserialize, Serialize};

/// A task of the file, with its run time.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Step {
    name: String,
    id: String,
    parents: Vec<String>,
    #[serde(skip_deserializing)]
    seconds: f64,
}

/// When a step ends, in seconds after the start of the workflow, and the chain of steps that decides it.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Done {
    at: f64,
    chain: Vec<String>,
}

#[task]
async fn work(id: String, seconds: f64, parents: &[Done]) -> Done {
    let last = parents.iter().max_by(|one, other| one.at.total_cmp(&other.at));
    let (begins, mut chain) = last.map_or((0.0, Vec::new()), |last| (last.at, last.chain.clone()));
    chain.push(id);
    Done { at: begins + seconds, chain }
}

/// One function, many tasks: each run has the name that the file gives its task, and an edge from each of its parents.
#[flow]
async fn workflow(steps: Vec<Step>) -> Result<Vec<Done>> {
    let mut started = HashMap::new();
    for Step { name, id, parents, seconds } in steps {
        let parents: Handles<_, _> = parents.iter().map(|parent| &started[parent]).collect();
        let run = work::of(id.clone(), seconds, &parents).task_named(name).named(&id).submit();
        started.insert(id, run);
    }
    Ok(started.into_values().collect::<Handles<_, _>>().await?)
}

/// Reads the steps of a file, each after its parents.
fn steps_of(path: &str) -> Result<Vec<Step>> {
    let file: serde_json::Value = serde_json::from_reader(std::fs::File::open(path)?)?;
    let (tasks, runs) = ("/workflow/specification/tasks", "/workflow/execution/tasks");
    let tasks = file.pointer(tasks).ok_or_else(|| format!("the file has no {tasks}"))?;
    let mut steps: Vec<Step> = Deserialize::deserialize(tasks)?;
    for step in &mut steps {
        let mut runs = file.pointer(runs).and_then(|runs| runs.as_array()).into_iter().flatten();
        let run = runs.find(|run| run["id"] == *step.id);
        step.seconds = run.and_then(|run| run["runtimeInSeconds"].as_f64()).unwrap_or_default();
    }
    Ok(in_order(steps)?)
}

/// Sorts steps so that each comes after its parents. What is wrong with the graph is known before anything runs.
fn in_order(mut waiting: Vec<Step>) -> Result<Vec<Step>, String> {
    let mut ids = HashSet::new();
    if let Some(step) = waiting.iter().find(|step| !ids.insert(&step.id)) {
        return Err(format!("two tasks have the id `{}`", step.id));
    }
    for step in &waiting {
        if let Some(parent) = step.parents.iter().find(|parent| !ids.contains(parent)) {
            return Err(format!(
                "the task `{}` has the parent `{parent}`, which is not in the file",
                step.id
            ));
        }
    }
    let (mut ordered, mut placed) = (Vec::new(), HashSet::new());
    while !waiting.is_empty() {
        let is_ready = |step: &Step| step.parents.iter().all(|parent| placed.contains(parent));
        let (ready, others): (Vec<_>, Vec<_>) = waiting.into_iter().partition(is_ready);
        if ready.is_empty() {
            let ids: Vec<_> = others.iter().map(|step| format!("`{}`", step.id)).collect();
            return Err(format!("there is a cycle among the tasks {}", ids.join(", ")));
        }
        placed.extend(ready.iter().map(|step| step.id.clone()));
        ordered.extend(ready);
        waiting = others;
    }
    Ok(ordered)
}

#[tokio::main]
async fn main() -> Result<()> {
    let path = std::env::args().nth(1).ok_or("usage: workflow_file FILE")?;
    let steps = steps_of(&path)?;
    let (tasks, alone) = (steps.len(), steps.iter().map(|step| step.seconds).sum::<f64>());
    let run = workflow(steps).run().await;
    let mut done = run.result().as_ref().map_err(Clone::clone)?.clone();
    done.sort_by(|one, other| one.at.total_cmp(&other.at));
    for step in &done {
        println!("{:5.0}s  {}", step.at, step.chain[step.chain.len() - 1]);
    }
    let last = &done[done.len() - 1];
    println!("{tasks} tasks: {alone:.0} s one by one, {:.0} s side by side, because of", last.at);
    println!("  {}", last.chain.join("\n  > "));
    print!("{}", run.graph().folded(0).to_mermaid());
    Ok(())
}
