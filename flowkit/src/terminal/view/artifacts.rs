//! What task runs have left, as far as it is drawn behind their line. Not the content: of that, only where it leads.

use std::path::PathBuf;

use super::{Key, RunView, ShownArtifact};
use crate::engine::flow_run::observer::Made;
use crate::model::{ArtifactKind, FlowRunId, StoredArtifact, TaskRunId};
use crate::terminal::line::Link;
use crate::text::columns::visible;

/// More than this of one task are left out: nobody sees them.
const OF_GROUP_MAX: usize = 1000;

/// So many may wait for the task run that made them to be known.
const EARLY_MAX: usize = 1000;

/// Returns how an artifact is called where it is drawn.
pub(crate) fn label(key: &str, kind: ArtifactKind, file_name: Option<&str>) -> String {
    match (kind, file_name) {
        (ArtifactKind::File, Some(name)) => visible(name),
        _ => format!("{} ({})", visible(key), kind.name()),
    }
}

impl RunView {
    /// Adds what a task run of this flow run, or of a sub-flow, has left. Of some kinds, the content says where it leads.
    #[must_use = "returns the changed view; the original is gone"]
    pub fn with_artifact(
        mut self,
        flow_run: FlowRunId,
        artifact: &StoredArtifact,
        content: Option<&[u8]>,
    ) -> Self {
        let link = content.and_then(|content| leads_to(artifact.kind, content));
        let label = label(&artifact.key, artifact.kind, artifact.file_name.as_deref());
        let left = ShownArtifact { label, link };
        self.leave((flow_run, artifact.task_run), left);
        self
    }

    /// Notes an artifact that is being made.
    pub(in crate::terminal) fn made(&mut self, made: &Made<'_>) {
        let artifact = made.artifact;
        let file = made.file.map(|file| Link::File(file.to_owned()));
        let link = file.or_else(|| leads_to(artifact.kind, &artifact.content));
        let label = label(&artifact.key, artifact.kind, artifact.file_name.as_deref());
        let left = ShownArtifact { label, link };
        self.leave((made.flow_run, made.task_run), left);
    }

    /// Lets a task run of the flow itself leave something.
    #[cfg(test)]
    pub(in crate::terminal) fn left(
        &mut self,
        task_run: u64,
        key: &str,
        kind: ArtifactKind,
        file_name: Option<&str>,
    ) {
        let label = label(key, kind, file_name);
        self.leave((self.id, TaskRunId::new(task_run)), ShownArtifact { label, link: None });
    }

    fn leave(&mut self, key: Key, left: ShownArtifact) {
        let flow = self.flows.get(&key.0);
        let group = match key.1 {
            TaskRunId::FLOW => flow.map(|flow| flow.group),
            task_run => flow.and_then(|flow| flow.rows.get(&task_run)).map(|row| Some(row.group)),
        };
        match group {
            Some(Some(group)) => add(&mut self.groups[group].artifacts, left),
            Some(None) => add(&mut self.artifacts, left),
            // Events are told by one thread at a time, so a body may be ahead of its own beginning.
            None if self.early.len() < EARLY_MAX => self.early.push((key, left)),
            None => {}
        }
    }

    /// Places what was left by the task runs of `flow_run` before they were known.
    pub(super) fn place_early(&mut self, flow_run: FlowRunId) {
        if self.early.iter().any(|(key, _)| key.0 == flow_run) {
            let early = std::mem::take(&mut self.early);
            early.into_iter().for_each(|(key, left)| self.leave(key, left));
        }
    }
}

/// What is made again is the same, in a new version.
fn add(artifacts: &mut Vec<ShownArtifact>, left: ShownArtifact) {
    match artifacts.iter().position(|known| known.label == left.label) {
        Some(known) => artifacts[known] = left,
        None if artifacts.len() < OF_GROUP_MAX => artifacts.push(left),
        None => {}
    }
}

/// Returns where an artifact leads, by its content.
fn leads_to(kind: ArtifactKind, content: &[u8]) -> Option<Link> {
    #[derive(serde::Deserialize)]
    struct FileLink {
        path: PathBuf,
    }
    match kind {
        ArtifactKind::Link => Some(Link::Address(std::str::from_utf8(content).ok()?.to_owned())),
        ArtifactKind::Dataset | ArtifactKind::Model => {
            let described: FileLink = serde_json::from_slice(content).ok()?;
            Some(Link::File(described.path))
        }
        _ => None,
    }
}
