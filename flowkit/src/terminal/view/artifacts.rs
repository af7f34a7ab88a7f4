//! The artifacts that are shown after the line of their task. Does not show their content, only a link to it.

use std::path::PathBuf;

use super::{Key, RunView, ShownArtifact};
use crate::engine::flow_run::observer::Made;
use crate::model::{ArtifactKind, FlowRunId, StoredArtifact, TaskRunId};
use crate::terminal::styled_line::Link;
use crate::text::columns::visible;

/// At most this many artifacts of one task are remembered.
const OF_GROUP_MAX: usize = 1000;

/// At most this many artifacts wait for the first event of their task run.
const EARLY_MAX: usize = 1000;

/// Returns the name under which an artifact is shown.
pub(crate) fn label(key: &str, kind: ArtifactKind, file_name: Option<&str>) -> String {
    match (kind, file_name) {
        (ArtifactKind::File, Some(name)) => visible(name),
        _ => format!("{} ({})", visible(key), kind.name()),
    }
}

impl RunView {
    /// Adds an artifact of this flow run or of a sub-flow. The `content` of some kinds has the target of the link.
    #[must_use = "returns the changed view; the original is gone"]
    pub fn with_artifact(
        mut self,
        flow_run: FlowRunId,
        artifact: &StoredArtifact,
        content: Option<&[u8]>,
    ) -> Self {
        let link = content.and_then(|content| leads_to(artifact.kind, content));
        let label = label(&artifact.key, artifact.kind, artifact.file_name.as_deref());
        let shown = ShownArtifact { label, link };
        self.attach((flow_run, artifact.task_run), shown);
        self
    }

    /// Adds a new artifact.
    pub(in crate::terminal) fn made(&mut self, made: &Made<'_>) {
        let artifact = made.artifact;
        let file = made.file.map(|file| Link::File(file.to_owned()));
        let link = file.or_else(|| leads_to(artifact.kind, &artifact.content));
        let label = label(&artifact.key, artifact.kind, artifact.file_name.as_deref());
        let shown = ShownArtifact { label, link };
        self.attach((made.flow_run, made.task_run), shown);
    }

    /// Adds an artifact of a task run of the flow itself.
    #[cfg(test)]
    pub(in crate::terminal) fn left(
        &mut self,
        task_run: u64,
        key: &str,
        kind: ArtifactKind,
        file_name: Option<&str>,
    ) {
        let label = label(key, kind, file_name);
        self.attach((self.id, TaskRunId::new(task_run)), ShownArtifact { label, link: None });
    }

    fn attach(&mut self, key: Key, artifact: ShownArtifact) {
        let flow = self.flows.get(&key.0);
        let group = match key.1 {
            TaskRunId::FLOW => flow.map(|flow| flow.group),
            task_run => flow.and_then(|flow| flow.rows.get(&task_run)).map(|row| Some(row.group)),
        };
        match group {
            Some(Some(group)) => add(&mut self.groups[group].artifacts, artifact),
            Some(None) => add(&mut self.artifacts, artifact),
            // One thread at a time reports events, so a body may produce an artifact before its own start is reported.
            None if self.early.len() < EARLY_MAX => self.early.push((key, artifact)),
            None => {}
        }
    }

    /// Attaches the artifacts that the task runs of `flow_run` produced before their first event was reported.
    pub(super) fn attach_early(&mut self, flow_run: FlowRunId) {
        if self.early.iter().any(|(key, _)| key.0 == flow_run) {
            let early = std::mem::take(&mut self.early);
            early.into_iter().for_each(|(key, left)| self.attach(key, left));
        }
    }
}

/// Adds an artifact, or replaces its earlier version.
fn add(artifacts: &mut Vec<ShownArtifact>, artifact: ShownArtifact) {
    match artifacts.iter().position(|known| known.label == artifact.label) {
        Some(known) => artifacts[known] = artifact,
        None if artifacts.len() < OF_GROUP_MAX => artifacts.push(artifact),
        None => {}
    }
}

/// Returns the link of an artifact, by its content.
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
