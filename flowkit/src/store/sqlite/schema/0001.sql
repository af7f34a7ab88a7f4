-- The first format. Every table is STRICT; times are microseconds since 1970, UTC; columns with JSON are marked.
-- Rows of task runs, events and results carry the small number of their flow run, not its UUID.

-- For people who read the file with another program: flowkit knows these numbers. The names are those of JSON.
CREATE TABLE states (
    code INTEGER PRIMARY KEY,
    name TEXT NOT NULL
) STRICT;
INSERT INTO states (code, name) VALUES
    (0, 'scheduled'), (1, 'pending'), (2, 'waiting'), (3, 'running'), (4, 'awaiting_retry'),
    (5, 'cancelling'), (6, 'suspended'), (7, 'crashed'),
    -- From here on, a run has ended: only the event `reopened` follows.
    (8, 'completed'), (9, 'cached'), (10, 'failed'), (11, 'timed_out'), (12, 'cancelled'),
    (13, 'upstream_failed'), (14, 'skipped');

-- Open stores. A store is alive as long as it holds the lock of `<database>.owners/<uuid>.lock`.
CREATE TABLE owners (
    no          INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid        BLOB    NOT NULL UNIQUE,
    boot_id     TEXT    NOT NULL,
    pid         INTEGER NOT NULL,
    -- When the process started, in the system's own unit: process ids are reused.
    pid_started INTEGER NOT NULL,
    -- The namespace in which process ids are unique.
    pid_space   TEXT    NOT NULL,
    host        TEXT    NOT NULL,
    -- Matters only for processes that cannot see the lock, such as those on other machines.
    lease_until INTEGER NOT NULL,
    -- The number of its last transaction, to find out whether one with an unanswered commit is there.
    last_transaction INTEGER NOT NULL DEFAULT 0
) STRICT;

-- A digest of all other pages, from when the last store closes until the next one opens.
CREATE TABLE page_digest (
    digest         BLOB CHECK (length(digest) = 32),
    -- At the time of the digest: `VACUUM` increments it, and rewrites the pages.
    schema_version INTEGER
) STRICT;
INSERT INTO page_digest (digest) VALUES (NULL);
CREATE TRIGGER owners_come AFTER INSERT ON owners BEGIN
    UPDATE page_digest SET digest = NULL;
END;

-- Tasks and flows as declared in code; one row for each version of a declaration.
CREATE TABLE tasks (
    no      INTEGER PRIMARY KEY,
    -- 0 for a task, 1 for a flow.
    kind    INTEGER NOT NULL CHECK (kind IN (0, 1)),
    name    TEXT    NOT NULL,
    path    TEXT    NOT NULL,
    version TEXT,
    -- JSON, a list.
    tags    TEXT    NOT NULL,
    -- Of the code without its formatting.
    source_hash INTEGER NOT NULL,
    -- Who is to be asked about the runs of a flow.
    owner       TEXT,
    -- The order in which the versions of one path ran last.
    last_no     INTEGER NOT NULL
) STRICT;
CREATE INDEX tasks_by_path  ON tasks (path);
CREATE INDEX tasks_by_owner ON tasks (owner) WHERE owner IS NOT NULL;

-- Programs that began runs; one row for each build, and for each revision that it says it is of.
CREATE TABLE programs (
    no          INTEGER PRIMARY KEY,
    -- The executable, when it was changed last, and its length.
    file        TEXT    NOT NULL,
    modified_at INTEGER NOT NULL,
    bytes       INTEGER NOT NULL,
    -- Mostly a git commit.
    revision    TEXT,
    -- The BLAKE3 of the file; NULL until it is known.
    digest      BLOB    CHECK (length(digest) = 32)
) STRICT;
CREATE INDEX programs_by_file ON programs (file, modified_at, bytes);

-- Locations in the user's code, as `file:line`.
CREATE TABLE locations (
    no   INTEGER PRIMARY KEY,
    text TEXT    NOT NULL UNIQUE
) STRICT;

CREATE TABLE flow_runs (
    no                 INTEGER PRIMARY KEY AUTOINCREMENT,
    id                 BLOB    NOT NULL UNIQUE CHECK (length(id) = 16),
    short              TEXT    NOT NULL,
    task               INTEGER NOT NULL REFERENCES tasks (no),
    location           INTEGER NOT NULL REFERENCES locations (no),
    name               TEXT,
    -- JSON, a list: those of the flow and of the run.
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
    -- The numbers of the last begin and of the end, in the order of all begins and ends of the run and its sub-flows.
    begun_no           INTEGER,
    ended_no           INTEGER,
    attempt            INTEGER NOT NULL,
    -- JSON, an ErrorReport.
    error              TEXT,
    crashes            INTEGER NOT NULL DEFAULT 0,
    -- JSON, a RedoRequest: what is to be redone, and since when.
    redo_request       TEXT,
    -- The owner of the run, and its epoch (1 for the first owner). Every write carries the epoch.
    owner              INTEGER REFERENCES owners (no),
    epoch              INTEGER NOT NULL,
    cancel_requested   INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    -- Whether its process was told to stop: a task run that dies with it did not bring it down.
    stopping           INTEGER NOT NULL DEFAULT 0 CHECK (stopping IN (0, 1)),
    -- The program that began it.
    program            INTEGER REFERENCES programs (no),
    -- The last sequence number of a log line; that of an event is in `events`.
    last_log           INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX flow_runs_by_short  ON flow_runs (short);
CREATE INDEX flow_runs_by_parent ON flow_runs (parent, parent_task_run) WHERE parent IS NOT NULL;
CREATE INDEX flow_runs_by_owner  ON flow_runs (owner) WHERE owner IS NOT NULL;

-- The flow itself, task run 0, is in `flow_runs` only.
CREATE TABLE task_runs (
    run                INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    id                 INTEGER NOT NULL,
    parent             INTEGER NOT NULL,
    task               INTEGER NOT NULL,
    location           INTEGER NOT NULL,
    -- The identity of the call: its key, its position among those with the key, and the seal of its secrets.
    key                BLOB,
    nth                INTEGER,
    seal               BLOB,
    position           INTEGER,
    name               TEXT,
    -- Its inputs, such as `3 5 o7`: ids of task runs, with an `o` for mere order.
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
    -- JSON, an object of properties that few have: tags (of this call only), group, branch, unknown (the argument that
    -- cannot be compared), skip_reason, not_persisted (why a result that should be persisted is not), rank (the number of
    -- the same end in an earlier attempt of the flow), orphaned, cancelled_by_body.
    rare               TEXT,
    -- Once it has ended: the version of its value, and of the inputs. Equal versions are equal values.
    version            BLOB,
    made_from          BLOB,
    flow_run           BLOB,
    crashes            INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, id),
    CHECK ((key IS NULL) = (nth IS NULL))
) STRICT, WITHOUT ROWID;
-- Failed and TimedOut: every run in a list shows their number.
CREATE INDEX task_runs_that_failed ON task_runs (run, ended_no) WHERE state IN (10, 11);

CREATE INDEX task_runs_sealed ON task_runs (run) WHERE seal IS NOT NULL;

-- The id of the key that made the seals; the key itself is in `<database>.key`. One row.
CREATE TABLE seal_key (
    id BLOB NOT NULL CHECK (length(id) = 8)
) STRICT;

-- The attempts before the last one, and those that died with their process, each written once. Task run 0 is the flow itself.
CREATE TABLE attempts (
    run      INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    task_run INTEGER NOT NULL,
    number   INTEGER NOT NULL,
    -- JSON, an Attempt.
    body     TEXT    NOT NULL,
    PRIMARY KEY (run, task_run, number)
) STRICT, WITHOUT ROWID;

-- One row for several events: those of one run that one transaction wrote.
CREATE TABLE events (
    run       INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    first_seq INTEGER NOT NULL,
    last_seq  INTEGER NOT NULL,
    -- JSON, a list of [task run, at, name, detail]; sequence numbers count up from `first_seq`.
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

-- Artifacts of task runs. Task run 0 is the flow itself.
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
    -- The hash of the file that it describes, which is wherever its maker put it.
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
    -- NULL is NaN, which SQLite does not have.
    value    REAL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- Files that task runs used as input, by the hash of their content.
CREATE TABLE used_files (
    run      INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    task_run INTEGER NOT NULL,
    file     BLOB    NOT NULL,
    PRIMARY KEY (run, task_run, file)
) STRICT, WITHOUT ROWID;
CREATE INDEX used_files_by_file ON used_files (file);

-- Waits of a body for several runs that timed out: a resumed run gets the same timeouts.
CREATE TABLE times_up (
    run   INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    key   BLOB    NOT NULL,
    -- JSON, a list: the positions of the runs that had ended. NULL if the wait has ended in time since.
    ended TEXT,
    -- The number of the last begin or end before it.
    after INTEGER,
    PRIMARY KEY (run, key)
) STRICT, WITHOUT ROWID;

-- The result of each cache key. It is removed together with its run.
CREATE TABLE cache (
    -- The order in which results were stored under their keys.
    no          INTEGER PRIMARY KEY,
    key         BLOB    NOT NULL UNIQUE,
    run         INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    task_run    INTEGER NOT NULL,
    stored_at   INTEGER NOT NULL,
    -- Microseconds; NULL is for ever.
    ttl         INTEGER,
    -- Hashes for finding entries to compare with: of the name of the task, and of that with the names and digests of its inputs.
    task_hash   INTEGER NOT NULL,
    inputs_hash INTEGER NOT NULL,
    -- JSON, KeyParts: what the key is made of.
    parts       TEXT    NOT NULL
) STRICT;
CREATE INDEX cache_by_run    ON cache (run, task_run);
CREATE INDEX cache_by_task   ON cache (task_hash, run);
CREATE INDEX cache_by_inputs ON cache (inputs_hash);

-- The stores that execute for a cache key.
CREATE TABLE cache_leases (
    key   BLOB    PRIMARY KEY,
    owner INTEGER NOT NULL REFERENCES owners (no) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The run of each idempotency key. A key is removed together with its run.
CREATE TABLE run_keys (
    key   TEXT    PRIMARY KEY,
    run   BLOB    NOT NULL,
    -- The store that has reserved the key and is about to begin the run; NULL once the run has begun. A reservation is
    -- removed together with its store.
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

-- How many log lines of a task run were dropped because it logged too much.
CREATE TABLE dropped_logs (
    run      INTEGER NOT NULL REFERENCES flow_runs (no) ON DELETE CASCADE,
    task_run INTEGER NOT NULL,
    dropped  INTEGER NOT NULL,
    PRIMARY KEY (run, task_run)
) STRICT, WITHOUT ROWID;

-- For choosing runs: each kind of filter has its index, in the order in which runs are shown, that of their arrival.
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

-- The words of log lines. The lines themselves are in `logs` only.
CREATE VIRTUAL TABLE log_words USING fts5 (
    message, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);
CREATE TRIGGER log_words_come AFTER INSERT ON logs BEGIN
    INSERT INTO log_words (rowid, message) VALUES (new.no, new.message);
END;
CREATE TRIGGER log_words_go AFTER DELETE ON logs BEGIN
    DELETE FROM log_words WHERE rowid = old.no;
END;
