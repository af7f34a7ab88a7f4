//! Settings of the whole program: the path of the database, and the content of `flowkit.toml`; each with its source.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::file;
use super::retention::Retention;
use super::usage::{Usage, UsageResult, meant_or_known};
use crate::store::{SqliteOptions, SqliteStore, folder};
use crate::text::duration;
use crate::value::json::{Json, Members};

/// The file in the current folder.
const FILE: &str = "flowkit.toml";
const KEYS: [&str; 6] = ["db", "keep", "params", "retention", "stop_grace", "store_retry"];
const DEFAULT_FOLDER: &str = ".flowkit";
const DEFAULT_NAME: &str = "runs.db";

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum SettingSource {
    Flag(String),
    Variable(String),
    File(PathBuf),
    /// The parameters of an earlier run.
    Run(String),
    Config,
    Default,
}

impl fmt::Display for SettingSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(name) => write!(f, "--{name}"),
            Self::Variable(name) => f.write_str(name),
            Self::File(path) if path == Path::new("-") => f.write_str("standard input"),
            Self::File(path) => path.display().fmt(f),
            Self::Run(id) => write!(f, "run {id}"),
            Self::Config => f.write_str(FILE),
            Self::Default => f.write_str("default"),
        }
    }
}

/// Settings of the whole program.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) database: PathBuf,
    pub(super) database_source: SettingSource,
    /// For how long a failed write is retried, if configured.
    store_retry: Option<(Duration, SettingSource)>,
    /// Which old runs are removed by themselves.
    pub(super) retention: Retention,
    /// `[params]` of the file, by flow.
    params: Members,
    /// How long runs may take to end after a signal, with the source; `None` if not configured.
    pub(super) stop_grace: Option<(Duration, SettingSource)>,
    pub(super) has_file: bool,
}

impl Settings {
    /// Reads the file, and determines the path of the database.
    pub(super) fn read(flag: Option<&Path>) -> UsageResult<Self> {
        let has_file = Path::new(FILE).exists();
        let mut members = if has_file { members()? } else { Members::new() };
        let params = match members.remove("params") {
            None => Members::new(),
            Some(Json::Object(params)) => params,
            Some(_) => return Err(in_file("`params` is a table: write `[params.<flow>]`")),
        };
        // An orchestrator sets the variables, a project the file.
        let stop_grace = duration_of("FLOWKIT_STOP_GRACE", "stop_grace", "25s", &mut members)?;
        let store_retry = duration_of("FLOWKIT_STORE_RETRY", "store_retry", "60s", &mut members)?;
        let retention = Retention::read(&mut members)?;
        let configured = match members.remove("db") {
            None => None,
            Some(Json::Text(path)) if !path.is_empty() => Some(PathBuf::from(path)),
            Some(_) => return Err(in_file("`db` is a path: write `db = \"runs.db\"`")),
        };
        let variable = std::env::var_os("FLOWKIT_DB").filter(|path| !path.is_empty()).map(PathBuf::from);
        let (database, database_source) = match (flag, variable, configured) {
            (Some(path), ..) => (path.to_owned(), SettingSource::Flag("db".to_owned())),
            (None, Some(path), _) => (path, SettingSource::Variable("FLOWKIT_DB".to_owned())),
            (None, None, Some(path)) => (path, SettingSource::Config),
            (None, None, None) => (Path::new(DEFAULT_FOLDER).join(DEFAULT_NAME), SettingSource::Default),
        };
        Ok(Self { database, database_source, store_retry, retention, params, stop_grace, has_file })
    }

    /// Returns `[params.<flow>]`.
    pub(super) fn params_of(&self, flow: &str) -> UsageResult<Members> {
        match self.params.get(flow) {
            None => Ok(Members::new()),
            Some(Json::Object(values)) => Ok(values.clone()),
            Some(_) => Err(in_file(&format!("`params.{flow}` is a table: write `[params.{flow}]`"))),
        }
    }

    /// Returns the flows that the file has parameters for.
    pub(super) fn flows(&self) -> impl Iterator<Item = &str> {
        self.params.keys().map(String::as_str)
    }

    /// Opens the database, and creates it if there is none.
    pub(super) fn open(&self) -> UsageResult<SqliteStore> {
        self.open_with(SqliteStore::options().reading_program().retention(self.retention.of_store()))
    }

    fn open_with(&self, options: SqliteOptions) -> UsageResult<SqliteStore> {
        if self.database_source == SettingSource::Default {
            folder::make(Path::new(DEFAULT_FOLDER), &self.database)?;
        }
        let options = match self.store_retry {
            Some((store_retry, _)) => options.retry_for(store_retry),
            None => options,
        };
        Ok(options.open(&self.database)?)
    }

    /// Whether there is a database; also if that cannot be found out, since opening it will tell.
    pub(super) fn is_made(&self) -> bool {
        self.database.try_exists().unwrap_or(true)
    }

    /// Opens the database to look back, regardless of writers; does not create it.
    pub(super) fn look_back(&self) -> UsageResult<SqliteStore> {
        self.check_made()?;
        self.open_with(SqliteStore::options().looking_back())
    }

    /// Refuses if there is no database: there is nothing to look at or to resume.
    pub(super) fn check_made(&self) -> UsageResult<()> {
        if self.is_made() {
            return Ok(());
        }
        Err(Usage::new(format!(
            "there is no database `{}` ({}); run a flow first, or name another one with `--db`",
            self.database.display(),
            self.database_source
        )))
    }
}

/// Determines a length of time, with its source: that of the variable, or else that of the file.
pub(super) fn duration_of(
    variable: &str,
    key: &str,
    example: &str,
    members: &mut Members,
) -> UsageResult<Option<(Duration, SettingSource)>> {
    let configured = members.remove(key);
    if let Some(written) = std::env::var_os(variable).filter(|written| !written.is_empty()) {
        let read = written.to_str().and_then(duration::read);
        let wrong = || Usage::new(format!("`{variable}` is a length of time: write `{variable}={example}`"));
        return Ok(Some((read.ok_or_else(wrong)?, SettingSource::Variable(variable.to_owned()))));
    }
    let Some(configured) = configured else { return Ok(None) };
    let read = configured.as_str().and_then(duration::read);
    let wrong = || in_file(&format!("`{key}` is a length of time: write `{key} = \"{example}\"`"));
    Ok(Some((read.ok_or_else(wrong)?, SettingSource::Config)))
}

fn members() -> UsageResult<Members> {
    let text = std::fs::read_to_string(FILE).map_err(|error| in_file(&file::unreadable(&error)))?;
    let members = file::toml(&text).map_err(|error| in_file(&error))?;
    match members.keys().find(|key| !KEYS.contains(&key.as_str())) {
        Some(key) => Err(in_file(&format!("unknown key `{key}`; {}", meant_or_known(key, &KEYS)))),
        None => Ok(members),
    }
}

pub(super) fn in_file(message: &str) -> Usage {
    Usage::new(format!("`{FILE}`: {message}"))
}
