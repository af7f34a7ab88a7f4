-- The first format. Every table is STRICT; times are microseconds since 1970, UTC; what is JSON says so.
-- Rows of task runs, events and results carry the small number of their flow run, not its UUID.

-- For readers that look with another program: the code itself knows these numbers. The names are those of JSON.
CREATE TABLE states (
    code INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;
INSERT INTO states (code, name) VALUES
    (0, 'scheduled'), (1, 'pending'), (2, 'waiting'), (3, 'running'), (4, 'awaiting_retry'),
    (5, 'cancelling'), (6, 'suspended'), (7, 'crashed'),
    -- From here on, a run has ended: only the event `reopened` leads on.
    (8, 'completed'), (9, 'cached'), (10, 'failed'), (11, 'timed_out'), (12, 'cancelled'),
    (13, 'upstream_failed'), (14, 'skipped');

-- Open stores. A store is alive as long as it holds the lock of `<database>.owners/<uuid>.lock`.
CREATE TABLE owners (
    no          INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid        BLOB    NOT NULL UNIQUE,
    boot_id     TEXT    NOT NULL,
    pid         INTEGER NOT NULL,
    -- When the process started, in the system's own unit: a process id is used again.
    pid_started INTEGER NOT NULL,
    -- Within which process ids are unique.
    pid_space   TEXT    NOT NULL,
    host        TEXT    NOT NULL,
    -- Matters only for those who cannot see the lock, such as those on other machines.
    lease_until INTEGER NOT NULL,
    -- The number of its last transaction: tells whether one is there whose commit was not answered.
    last_transaction INTEGER NOT NULL DEFAULT 0
) STRICT;

-- A digest of all other pages, from when the last store has left until the next one comes.
CREATE TABLE page_digest (
    digest         BLOB CHECK (length(digest) = 32),
    -- Of the pages that the digest is of: `VACUUM` counts it up, and writes them anew.
    schema_version INTEGER
) STRICT;
INSERT INTO page_digest (digest) VALUES (NULL);
CREATE TRIGGER owners_come AFTER INSERT ON owners BEGIN
    UPDATE page_digest SET digest = NULL;
END;

-- Tasks and flows as they stand in the code; one row for each wording.
CREATE TABLE tasks (
    no      INTEGER PRIMARY KEY,
    -- 0 for a task, 1 for a flow.
    kind    INTEGER NOT NULL CHECK (kind IN (0, 1)),
    name    TEXT    NOT NULL,
    path    TEXT    NOT NULL,
    version TEXT,
    -- JSON, a list.
    tags    TEXT    NOT NULL,
    -- Of the code, without its layout.
    source_hash INTEGER NOT NULL,
    -- The order in which the wordings of one path were run last.
    last_no     INTEGER NOT NULL
) STRICT;
CREATE INDEX tasks_by_path ON tasks (path);

-- Places in the user's code, as `file:line`.
CREATE TABLE places (
    no   INTEGER PRIMARY KEY,
    text TEXT    NOT NULL UNIQUE
) STRICT;

CREATE TABLE flow_runs (
    no                 INTEGER PRIMARY KEY AUTOINCREMENT,
    id                 BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    short              TEXT    NOT NULL,
    task               INTEGER NOT NULL REFERENCES tasks (no),
    place              INTEGER NOT NULL REFERENCES places (no),
    name               TEXT,
    -- JSON, a list: the flow's and the run's own.
    tags               TEXT    NOT NULL,
    -- JSON, an object.
    parameters         TEXT,
    parent             BLOB,
    parent_task_run    INTEGER,
    state              INTEGER NOT NULL CHECK (state BETWEEN 0 AND 14),
    created_at         INTEGER NOT NULL,
    started_at         INTEGER,
    attempt_started_at INTEGER,
    ended_at           INTEGER,
    -- The last begin and the end among those of the run and of its sub-flows, in the order in which they happened.
    begun_no           INTEGER,
    ended_no           INTEGER,
    attempt            INTEGER NOT NULL,
    -- JSON, an ErrorReport.
    error              TEXT,
    crashes            INTEGER NOT NULL DEFAULT 0,
    -- JSON: what is to be done again, and since when.
    asked              TEXT,
    -- Who writes of the run, and the owner epoch (1 for the first owner). Every write carries the epoch.
    owner              INTEGER REFERENCES owners (no),
    epoch              INTEGER NOT NULL,
    cancel_requested   INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    -- Its process was told to stop: whatever dies with it now did not bring it down.
    stopping           INTEGER NOT NULL DEFAULT 0 CHECK (stopping IN (0, 1)),
    -- The last sequence number that was given to a line; that of an event stands with the events.
    last_log           INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX flow_runs_by_short  ON flow_runs (short);
CREATE INDEX flow_runs_by_parent ON flow_runs (parent, parent_task_run) WHERE parent IS NOT NULL;
CREATE INDEX flow_runs_by_owner  ON flow_runs (owner) WHERE owner IS NOT NULL;

-- The flow itself, task run 0, stands in `flow_runs` alone.
CREATE TABLE task_runs (
    run                INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    id                 INTEGER NOT NULL,
    parent             INTEGER NOT NULL,
    task               INTEGER NOT NULL,
    place              INTEGER NOT NULL,
    -- What finds the call again: its key, which of those with the key, and what stands for its secrets.
    key                BLOB,
    nth                INTEGER,
    seal               BLOB,
    position           INTEGER,
    name               TEXT,
    -- What it waited for, such as `3 5 o7`: numbers of task runs, with an `o` where only the order counts.
    edges              TEXT,
    state              INTEGER NOT NULL CHECK (state BETWEEN 0 AND 14),
    attempt            INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    started_at         INTEGER,
    -- NULL while it is that of the first attempt.
    attempt_started_at INTEGER,
    ended_at           INTEGER,
    begun_no           INTEGER,
    ended_no           INTEGER,
    -- JSON, an ErrorReport.
    error              TEXT,
    -- JSON, an object of what is said of few: tags (of this call alone), group, branch, unknown (the argument that cannot
    -- be compared), skip_reason, not_persisted (why there is no result although it was to be persisted), rank (the number that
    -- the same end had in an earlier attempt of the flow), orphaned, cancelled_by_body.
    rare               TEXT,
    -- Of what has ended: which value it gave, and from which it was made. Equal versions are equal values.
    version            BLOB,
    made_from          BLOB,
    flow_run           BLOB,
    crashes            INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, id),
    CHECK ((key IS NULL) = (nth IS NULL))
) STRICT, WITHOUT ROWID;
-- Failed and TimedOut: how many there are is asked of every run that is listed.
CREATE INDEX task_runs_that_failed ON task_runs (run, ended_no) WHERE state IN (10, 11);

CREATE INDEX task_runs_sealed ON task_runs (run) WHERE seal IS NOT NULL;

-- Which key made the seals; the key itself lies in `<database>.key`. One row.
CREATE TABLE seal_key (
    id BLOB NOT NULL CHECK (length(id) = 8)
) STRICT;

-- The attempts that another one followed, or that died with their process, each written once. Task run 0 is the flow itself.
CREATE TABLE attempts (
    run      INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    task_run INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    -- JSON, an Attempt.
    body     TEXT    NOT NULL,
    PRIMARY KEY (run, task_run, number)
) STRICT, WITHOUT ROWID;

-- One row for several events: what one transaction wrote of one run.
CREATE TABLE events (
    run       INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    -- JSON, a list of [task run, at, name, detail]; the sequence numbers count on from `first_seq`.
    body      TEXT    NOT NULL,
    checksum  BLOB    NOT NULL,
    PRIMARY KEY (run, first_seq)
) STRICT, WITHOUT ROWID;

-- Task run 0 is the flow itself.
CREATE TABLE results (
    run      INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    task_run INTEGER NOT NULL,
    -- The envelope, in which there is a checksum, or the hash that names its file below `<database>.values/`.
    body     BLOB,
    file     BLOB,
    PRIMARY KEY (run, task_run),
    CHECK ((body IS NULL) <> (file IS NULL))
) STRICT, WITHOUT ROWID;
CREATE INDEX results_by_file ON results (file) WHERE file IS NOT NULL;

-- What task runs made for people to look at. Task run 0 is the flow itself.
CREATE TABLE artifacts (
    run        INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    seq        INTEGER NOT NULL,
    task_run   INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    key        TEXT    NOT NULL,
    -- The version number within its key in this run.
    version    INTEGER NOT NULL,
    -- As `ArtifactKind::name` gives it.
    kind       TEXT    NOT NULL,
    media_type TEXT    NOT NULL,
    file_name  TEXT,
    bytes      INTEGER NOT NULL,
    -- The hash of the file that it describes, which lies wherever its maker has put it.
    describes  BLOB,
    -- The content and its checksum, or the hash that names its file, as in `results`.
    body       BLOB,
    checksum   BLOB,
    file       BLOB,
    PRIMARY KEY (run, seq),
    CHECK ((body IS NULL) = (checksum IS NULL) AND (body IS NULL) <> (file IS NULL))
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX artifacts_by_key  ON artifacts (run, key, version);
CREATE INDEX artifacts_by_file        ON artifacts (file) WHERE file IS NOT NULL;
CREATE INDEX artifacts_by_description ON artifacts (describes) WHERE describes IS NOT NULL;

CREATE TABLE metrics (
    run      INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    seq      INTEGER NOT NULL,
    task_run INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    name     TEXT    NOT NULL,
    step     INTEGER,
    -- NULL is NaN, which SQLite does not know.
    value    REAL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- Which files task runs took as input, by the hash of their content.
CREATE TABLE used_files (
    run      INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    task_run INTEGER NOT NULL,
    file     BLOB    NOT NULL,
    PRIMARY KEY (run, task_run, file)
) STRICT, WITHOUT ROWID;
CREATE INDEX used_files_by_file ON used_files (file);

-- Timeouts of a body that waited for several runs: a resumed run gets them again.
CREATE TABLE times_up (
    run   INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    key   BLOB    NOT NULL,
    -- JSON, a list: the positions of those that had ended. NULL if the wait has ended in time since.
    ended TEXT,
    -- The number of the last begin or end before it.
    after INTEGER,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

-- Which result stands for a cache key. The result goes with its run, and the key with it.
CREATE TABLE cache (
    -- The order in which results came to stand for their keys.
    no          INTEGER PRIMARY KEY,
    key         BLOB    NOT NULL UNIQUE,
    run         INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    task_run    INTEGER NOT NULL,
    stored_at   INTEGER NOT NULL,
    -- Microseconds; NULL is for ever.
    ttl         INTEGER,
    task        INTEGER NOT NULL,
    -- JSON: what the key is made of.
    parts       TEXT    NOT NULL
) STRICT;
CREATE INDEX cache_by_run ON cache (run, task_run);
CREATE INDEX cache_by_task ON cache (task, no);

-- Who executes for a cache key.
CREATE TABLE cache_leases (
    key   BLOB    PRIMARY KEY,
    owner INTEGER NOT NULL REFERENCES owners (no) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- Which run stands for an idempotency key. A key goes with its run.
CREATE TABLE run_keys (
    key   TEXT    PRIMARY KEY,
    run   BLOB    NOT NULL,
    -- The store that has reserved the key and is about to begin the run; NULL once the run has begun. A reservation goes
    -- with its store.
    owner INTEGER REFERENCES owners (no) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX run_keys_by_run ON run_keys (run);
CREATE INDEX run_keys_reserved ON run_keys (owner) WHERE owner IS NOT NULL;
CREATE TRIGGER run_keys_go AFTER DELETE ON flow_runs BEGIN
    DELETE FROM run_keys WHERE run = old.id;
END;

CREATE TABLE logs (
    no       INTEGER PRIMARY KEY,
    run      INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    seq      INTEGER NOT NULL,
    task_run INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    -- 0 for trace to 4 for error.
    level    INTEGER NOT NULL CHECK (level BETWEEN 0 AND 4),
    target   TEXT    NOT NULL,
    message  TEXT    NOT NULL
) STRICT;
CREATE UNIQUE INDEX logs_by_run ON logs (run, seq);

-- How many lines of a task run were dropped because it logged too much.
CREATE TABLE dropped_logs (
    run      INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    task_run INTEGER NOT NULL,
    dropped  INTEGER NOT NULL,
    PRIMARY KEY (run, task_run)
) STRICT, WITHOUT ROWID;

-- For choosing runs: each kind of filter has its index, in the order in which runs are shown: that of their arrival.
CREATE INDEX flow_runs_by_state   ON flow_runs (state, no);
CREATE INDEX flow_runs_by_task    ON flow_runs (task, no);
CREATE INDEX flow_runs_outermost  ON flow_runs (no) WHERE parent IS NULL;
CREATE INDEX flow_runs_by_time    ON flow_runs (created_at);
CREATE INDEX tasks_by_name        ON tasks (name);

-- The tags of flow runs, each with the ids of its runs.
CREATE TABLE flow_run_tags (
    tag TEXT NOT NULL,
    run BLOB NOT NULL,
    PRIMARY KEY (tag, run)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER flow_run_tags_come AFTER INSERT ON flow_runs WHEN new.tags <> '[]' BEGIN
    INSERT OR IGNORE INTO flow_run_tags (tag, run) SELECT value, new.id FROM json_each(new.tags);
END;
CREATE TRIGGER flow_run_tags_go AFTER DELETE ON flow_runs WHEN old.tags <> '[]' BEGIN
    DELETE FROM flow_run_tags WHERE run = old.id AND tag IN (SELECT value FROM json_each(old.tags));
END;

-- The words of log lines. The lines themselves stand in `logs` alone.
CREATE VIRTUAL TABLE log_words USING fts5 (
    message, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);
CREATE TRIGGER log_words_come AFTER INSERT ON logs BEGIN
    INSERT INTO log_words (rowid, message) VALUES (new.no, new.message);
END;
CREATE TRIGGER log_words_go AFTER DELETE ON logs BEGIN
    DELETE FROM log_words WHERE rowid = old.no;
END;
