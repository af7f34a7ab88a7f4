//! The nouns: ids, states, events, records and errors.
//!
//! Pure: no async, no clock, no randomness, no I/O. All rooms above this floor use these types.
//!
//! ```text
//! event ──► state.after(event) ──► record of a run ──► rows (`TaskRun`) ──► views (graph, lines, history)
//! ```

mod artifact;
mod call;
mod chunks;
pub(crate) mod command_error;
#[cfg(feature = "store")]
pub(crate) mod date;
mod declaration;
mod edge;
mod error;
pub(crate) mod event;
mod id;
mod label;
mod origin;
mod owner;
mod provenance;
mod record;
mod refusal;
mod report;
mod run;
mod state;
mod stored;

pub use crate::value::BoxError;
pub use crate::value::canonical::{Digest, DigestError, digest};
pub use crate::value::codec::{Codec, Unreadable};
pub use crate::value::seal::{Seal, SealKey};
pub use artifact::{Artifact, ArtifactKind, Lineage, Metric, StoredArtifact, StoredMetric};
pub use call::{CallId, Identity};
pub(crate) use chunks::Chunks;
#[cfg(feature = "store")]
pub(crate) use date::iso;
pub use declaration::{Declaration, Kind};
pub(crate) use edge::Edges;
pub use edge::{Edge, EdgeKind};
pub(crate) use error::NoValue;
pub use error::{Error, Failure, TaskError};
pub use event::{AttemptFailure, Event, EventKind, OrderNo, Timestamp};
pub use id::{FlowRunId, TaskRunId};
pub use label::RunLabel;
pub use origin::Origin;
pub use owner::OwnerName;
pub use provenance::{Provenance, ValueVersion};
pub use record::TaskRunRecord;
pub(crate) use record::{Extras, NewTaskRun, RunRecord, label_of};
pub use refusal::Refusal;
pub use report::ErrorReport;
pub(crate) use report::{is_passed_on, place};
pub(crate) use run::anew_since;
pub use run::{Attempt, TaskRun};
pub use state::{IllegalTransition, State};
pub use stored::{LogLevel, StoredEvent, StoredFlowRun, StoredLog, WallTime};
