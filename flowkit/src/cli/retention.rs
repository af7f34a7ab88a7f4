//! The settings that have old runs removed by themselves: `retention` and `keep`. Not the removal: that is the store's.

use std::fmt;

use super::settings::{SettingSource, duration_of, in_file};
use super::usage::{Usage, UsageResult};
use crate::store;
use crate::text::duration;
use crate::value::json::Members;

const TIME: &str = "FLOWKIT_RETENTION";
const COUNT: &str = "FLOWKIT_KEEP";

/// What is configured, each with its source.
#[derive(Clone, Debug, Default)]
pub(super) struct Retention {
    time: Option<(std::time::Duration, SettingSource)>,
    count: Option<(u64, SettingSource)>,
}

impl Retention {
    /// Reads the environment, and the members of the file.
    pub(super) fn read(members: &mut Members) -> UsageResult<Self> {
        let time = duration_of(TIME, "retention", "90d", members)?;
        let count = members.remove("keep");
        let at_least_one = |count: u64| Some(count).filter(|count| *count > 0);
        let count = match variable(COUNT) {
            Some(written) => Some((
                written.parse().ok().and_then(at_least_one).ok_or_else(|| {
                    Usage::new(format!("`{COUNT}` is a number of runs, 1 or more: write `{COUNT}=1000`"))
                })?,
                SettingSource::Variable(COUNT.to_owned()),
            )),
            None => count
                .map(|value| {
                    let count = value.as_u64().and_then(at_least_one);
                    count
                        .map(|count| (count, SettingSource::Config))
                        .ok_or_else(|| in_file("`keep` is a number of runs, 1 or more: write `keep = 1000`"))
                })
                .transpose()?,
        };
        Ok(Self { time, count })
    }

    /// The same for the store.
    pub(super) fn of_store(&self) -> store::Retention {
        store::Retention {
            younger_than: self.time.as_ref().map(|(time, _)| *time),
            newest: self.count.as_ref().map(|(count, _)| *count),
            ..store::Retention::default()
        }
    }

    pub(super) fn is_set(&self) -> bool {
        !self.of_store().spares_all()
    }
}

/// What is configured: `90d (flowkit.toml), the newest 1000 runs (FLOWKIT_KEEP)`.
impl fmt::Display for Retention {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((time, source)) = &self.time {
            write!(f, "{} ({source})", duration::write(*time))?;
        }
        if let Some((count, source)) = &self.count {
            let comma = if self.time.is_some() { ", " } else { "" };
            write!(f, "{comma}the newest {count} runs ({source})")?;
        }
        Ok(())
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var_os(name).filter(|text| !text.is_empty()).map(|text| text.to_string_lossy().into_owned())
}
