-- Recognizers learned here, every attempt at one, which is in use, and what it made of the frames before its time.

CREATE TABLE model (
    model_id   TEXT PRIMARY KEY,     -- digest of its folder
    made_at    TEXT NOT NULL,
    parent_id  TEXT NOT NULL,        -- the recognizer in use when it was learned
    training   TEXT NOT NULL         -- JSON: recipe, rows, labels, settings, versions; beside the model too
) STRICT, WITHOUT ROWID;

CREATE TABLE model_label (
    model_id TEXT    NOT NULL REFERENCES model (model_id),
    label_id INTEGER NOT NULL,
    PRIMARY KEY (model_id, label_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX model_label_by_label ON model_label (label_id);

CREATE TABLE attempt (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    begun_at     TEXT NOT NULL,
    ended_at     TEXT,
    why          TEXT NOT NULL,      -- timetable, labels, order, caught up
    asked_by     TEXT NOT NULL,
    newest_label INTEGER NOT NULL,   -- later labels belong to the next attempt
    labels       INTEGER NOT NULL,
    state        TEXT NOT NULL CHECK (state IN ('running', 'passed', 'refused', 'failed', 'cancelled', 'interrupted')),
    sentence     TEXT NOT NULL DEFAULT '',
    model_id     TEXT REFERENCES model (model_id),
    facts        TEXT                -- JSON: recalls, disputes, how long
) STRICT;
CREATE UNIQUE INDEX attempt_one_at_a_time ON attempt (state) WHERE state = 'running';
CREATE INDEX attempt_of_model ON attempt (model_id);

-- Which recognizer names findings from then on. The newest row counts.
CREATE TABLE promotion (
    id        INTEGER PRIMARY KEY,
    at        TEXT NOT NULL,
    model_id  TEXT NOT NULL,
    before_id TEXT NOT NULL,
    by        TEXT NOT NULL,
    known     TEXT NOT NULL CHECK (known IN ('gate', 'key', 'declared')),
    why       TEXT NOT NULL CHECK (why IN ('gate', 'order', 'rollback')),
    sentence  TEXT NOT NULL
) STRICT;

CREATE TABLE freeze (
    id     INTEGER PRIMARY KEY,
    at     TEXT    NOT NULL,
    by     TEXT    NOT NULL,
    frozen INTEGER NOT NULL CHECK (frozen IN (0, 1)),
    reason TEXT    NOT NULL
) STRICT;

CREATE TRIGGER promotion_stays BEFORE DELETE ON promotion
BEGIN SELECT RAISE(ABORT, 'promotions are only added to'); END;
CREATE TRIGGER promotion_is_final BEFORE UPDATE ON promotion
BEGIN SELECT RAISE(ABORT, 'promotions are only added to'); END;
CREATE TRIGGER freeze_stays BEFORE DELETE ON freeze
BEGIN SELECT RAISE(ABORT, 'freezes are only added to'); END;
CREATE TRIGGER freeze_is_final BEFORE UPDATE ON freeze
BEGIN SELECT RAISE(ABORT, 'freezes are only added to'); END;

-- What another recognizer makes of a result, from its stored features. The newest row of a result counts.
CREATE TABLE rescored (
    id          INTEGER PRIMARY KEY,
    result_id   INTEGER NOT NULL REFERENCES result (id),
    model_id    TEXT    NOT NULL,
    decision    TEXT    NOT NULL,
    was         TEXT    NOT NULL,    -- the decision that stood before
    renamed     INTEGER NOT NULL,    -- findings whose class changed
    contradicts INTEGER NOT NULL,    -- findings whose new class a standing label contradicts, and the old did not
    body        BLOB,                -- zlib of the report's JSON; NULL where no class and no decision changed
    at          TEXT    NOT NULL
) STRICT;
CREATE INDEX rescored_of_result ON rescored (result_id, id);
CREATE INDEX rescored_by_model ON rescored (model_id, contradicts, renamed);
