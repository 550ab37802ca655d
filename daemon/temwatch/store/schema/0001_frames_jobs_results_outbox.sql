-- Files, frames, jobs, results and the outbox; the ledger is kept by triggers so that no code path can forget it.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE root (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE,
    guard TEXT                       -- JSON: which file system the root was when it was first seen whole
) STRICT;

-- A path under a root. `held` = noticed, not yet a frame. Bytes, since names need not be text.
CREATE TABLE file (
    id          INTEGER PRIMARY KEY,
    root_id     INTEGER NOT NULL REFERENCES root (id),
    relpath     BLOB    NOT NULL,
    size        INTEGER NOT NULL,
    mtime_ns    INTEGER NOT NULL,
    ctime_ns    INTEGER NOT NULL,
    inode       INTEGER NOT NULL,
    held        INTEGER NOT NULL CHECK (held IN (0, 1)),
    held_reason TEXT    NOT NULL DEFAULT '',
    present     INTEGER NOT NULL DEFAULT 1 CHECK (present IN (0, 1)),
    UNIQUE (root_id, relpath)
) STRICT;

-- One image, or one section of a stack, in one state of its content.
CREATE TABLE frame (
    id          INTEGER PRIMARY KEY,
    frame_id    TEXT    NOT NULL UNIQUE,
    file_id     INTEGER NOT NULL REFERENCES file (id),
    section     INTEGER NOT NULL CHECK (section >= 0),
    sections    INTEGER,             -- images in the file; NULL until a decoder looked
    revision    INTEGER NOT NULL CHECK (revision >= 1),
    fingerprint TEXT    NOT NULL,
    state       TEXT    NOT NULL CHECK (state IN ('queued', 'done', 'set_aside', 'gone')),
    reason      TEXT    NOT NULL DEFAULT '',
    next_step   TEXT    NOT NULL DEFAULT '',
    ends        INTEGER NOT NULL DEFAULT 0,   -- how often it came to an end; counts re-injections
    accepted_at TEXT    NOT NULL,
    ended_at    TEXT,
    UNIQUE (file_id, section, revision)
) STRICT;
CREATE INDEX frame_queued ON frame (id) WHERE state = 'queued';
CREATE INDEX frame_set_aside ON frame (id) WHERE state = 'set_aside';

-- Work to do. The job of a frame that ended is deleted in the transaction that ends it. AUTOINCREMENT: a late
-- answer must not meet another frame's job under the number of its own.
CREATE TABLE job (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    frame_pk       INTEGER NOT NULL UNIQUE REFERENCES frame (id),
    state          TEXT    NOT NULL CHECK (state IN ('ready', 'waiting', 'leased')),
    rank           INTEGER NOT NULL,          -- order of sighting; the highest goes first
    attempt        INTEGER NOT NULL DEFAULT 0,  -- fences: an outcome of an older attempt has no effect
    failures       INTEGER NOT NULL DEFAULT 0,
    crashes        INTEGER NOT NULL DEFAULT 0,
    share_troubles INTEGER NOT NULL DEFAULT 0,
    lease_owner    TEXT,
    due_s          REAL    NOT NULL DEFAULT 0,  -- monotonic: when 'waiting' ends, or when the lease runs out
    last_error     TEXT    NOT NULL DEFAULT ''
) STRICT;
CREATE INDEX job_by_rank ON job (rank);
CREATE INDEX job_next ON job (rank DESC, id) WHERE state = 'ready';
CREATE INDEX job_due ON job (due_s) WHERE state IN ('waiting', 'leased');

CREATE TABLE result (
    id         INTEGER PRIMARY KEY,
    frame_pk   INTEGER NOT NULL REFERENCES frame (id),
    model_id   TEXT    NOT NULL,
    decision   TEXT    NOT NULL,
    findings   INTEGER NOT NULL,
    body       BLOB    NOT NULL,              -- zlib of the report's JSON
    created_at TEXT    NOT NULL,
    UNIQUE (frame_pk, model_id)
) STRICT;

-- What a new recognizer needs to score history without reading an image.
CREATE TABLE measurement (
    result_id   INTEGER PRIMARY KEY REFERENCES result (id),
    feature_set TEXT    NOT NULL,
    n           INTEGER NOT NULL,
    features    BLOB    NOT NULL,             -- float32 (n, p), row after row
    contours    BLOB    NOT NULL              -- zlib of int32: n, lengths, then (row, col) points
) STRICT;

-- What was committed and goes out. AUTOINCREMENT: a number is never used twice.
CREATE TABLE outbox (
    seq         INTEGER PRIMARY KEY AUTOINCREMENT,
    id          TEXT    NOT NULL UNIQUE,
    topic       TEXT    NOT NULL,
    topic_class TEXT    NOT NULL,
    prev        INTEGER NOT NULL,             -- the message before it on this topic class; 0 = none
    type        TEXT    NOT NULL,
    at          TEXT    NOT NULL,
    body        BLOB,                         -- zlib of JSON; NULL: the body is the result's
    result_id   INTEGER REFERENCES result (id),
    CHECK ((body IS NULL) <> (result_id IS NULL))
) STRICT;

CREATE INDEX outbox_by_class ON outbox (topic_class, seq);

CREATE TABLE topic_head (
    topic_class TEXT PRIMARY KEY,
    seq         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- seen = done + queued + held + set_aside + gone, for every root, always.
CREATE TABLE ledger (
    root_id   INTEGER PRIMARY KEY REFERENCES root (id),
    seen      INTEGER NOT NULL DEFAULT 0,
    done      INTEGER NOT NULL DEFAULT 0,
    queued    INTEGER NOT NULL DEFAULT 0,
    held      INTEGER NOT NULL DEFAULT 0,
    set_aside INTEGER NOT NULL DEFAULT 0,
    gone      INTEGER NOT NULL DEFAULT 0,
    newest_at TEXT                   -- when its newest frame was accepted
) STRICT;

CREATE TRIGGER root_opens_a_ledger AFTER INSERT ON root BEGIN
    INSERT INTO ledger (root_id) VALUES (new.id);
END;

CREATE TRIGGER file_is_held AFTER INSERT ON file WHEN new.held = 1 BEGIN
    UPDATE ledger SET seen = seen + 1, held = held + 1 WHERE root_id = new.root_id;
END;

CREATE TRIGGER file_hold_changes AFTER UPDATE OF held ON file WHEN new.held <> old.held BEGIN
    UPDATE ledger SET seen = seen + new.held - old.held, held = held + new.held - old.held
    WHERE root_id = new.root_id;
END;

CREATE TRIGGER frame_comes AFTER INSERT ON frame BEGIN
    UPDATE ledger SET
        seen      = seen + 1,
        done      = done + (new.state = 'done'),
        queued    = queued + (new.state = 'queued'),
        set_aside = set_aside + (new.state = 'set_aside'),
        gone      = gone + (new.state = 'gone'),
        newest_at = new.accepted_at
    WHERE root_id = (SELECT root_id FROM file WHERE id = new.file_id);
END;

CREATE TRIGGER frame_moves_on AFTER UPDATE OF state ON frame WHEN new.state <> old.state BEGIN
    UPDATE ledger SET
        done      = done + (new.state = 'done') - (old.state = 'done'),
        queued    = queued + (new.state = 'queued') - (old.state = 'queued'),
        set_aside = set_aside + (new.state = 'set_aside') - (old.state = 'set_aside'),
        gone      = gone + (new.state = 'gone') - (old.state = 'gone')
    WHERE root_id = (SELECT root_id FROM file WHERE id = new.file_id);
END;
