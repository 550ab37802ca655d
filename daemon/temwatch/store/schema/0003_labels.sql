-- What people say of findings. Statements and moves are only added to; `labelled` says where each object lies today.

-- An object that somebody labelled or drew.
CREATE TABLE labelled (
    id         INTEGER PRIMARY KEY,
    finding_id TEXT UNIQUE,          -- today's; NULL: nothing in the newest segmentation overlaps it enough
    frame_pk   INTEGER NOT NULL REFERENCES frame (id),
    revision   INTEGER NOT NULL,
    label_id   INTEGER REFERENCES label (id),  -- the label that stands; NULL: all were taken back
    drawn      INTEGER NOT NULL CHECK (drawn IN (0, 1)),
    look       INTEGER NOT NULL DEFAULT 0 CHECK (look IN (0, 1))  -- lost its finding, and nobody looked since
) STRICT;
CREATE INDEX labelled_by_frame ON labelled (frame_pk);
CREATE INDEX labelled_by_label ON labelled (label_id);
CREATE INDEX labelled_to_look_at ON labelled (id) WHERE look = 1;

-- One statement: a label, a blind second opinion, or a label taken back. It holds everything that training and
-- scoring need: results may be pruned.
CREATE TABLE label (
    id            INTEGER PRIMARY KEY AUTOINCREMENT,
    object_id     INTEGER NOT NULL REFERENCES labelled (id),
    act           TEXT    NOT NULL CHECK (act IN ('set', 'check', 'undo')),
    revision      INTEGER NOT NULL,
    finding_id    TEXT    NOT NULL,  -- as it was called then
    frame_pk      INTEGER NOT NULL REFERENCES frame (id),
    class         TEXT,              -- NULL in an undo
    state         TEXT    NOT NULL CHECK (state IN ('predicted', 'confirmed', 'corrected', 'doubtful', 'rejected')),
    undoes        INTEGER UNIQUE REFERENCES label (id),
    previous_id   INTEGER REFERENCES label (id),  -- what stood before
    name          TEXT    NOT NULL,
    known         TEXT    NOT NULL CHECK (known IN ('key', 'declared')),
    key           TEXT    NOT NULL,
    at            TEXT    NOT NULL,
    note          TEXT    NOT NULL,
    blind         INTEGER NOT NULL CHECK (blind IN (0, 1)),
    cmd_id        TEXT    NOT NULL,
    predicted     TEXT,              -- the machine's class before this; NULL: it did not find the object
    probability   TEXT,              -- JSON, over all classes
    model_id      TEXT,
    rectangle     TEXT    NOT NULL,  -- JSON
    fingerprint   TEXT    NOT NULL,
    sha256        TEXT    NOT NULL,
    feature_set   TEXT,
    features      BLOB,              -- float32, one row; NULL for a drawn object (see drawn)
    CHECK ((act = 'undo') = (undoes IS NOT NULL) AND (act = 'undo') = (class IS NULL))
) STRICT;
CREATE INDEX label_of_object ON label (object_id, id);
CREATE INDEX label_by_name ON label (name, id);
CREATE INDEX label_by_finding ON label (finding_id);
CREATE INDEX label_blind ON label (id) WHERE blind = 1;
CREATE UNIQUE INDEX label_revision ON label (object_id, revision) WHERE act = 'set';

CREATE TRIGGER label_stays BEFORE DELETE ON label
BEGIN SELECT RAISE(ABORT, 'labels are only added to'); END;
CREATE TRIGGER label_is_final BEFORE UPDATE ON label
BEGIN SELECT RAISE(ABORT, 'labels are only added to'); END;

-- How an object went from one finding to another (or to none) when its frame was segmented anew.
CREATE TABLE label_move (
    id           INTEGER PRIMARY KEY,
    object_id    INTEGER NOT NULL REFERENCES labelled (id),
    from_finding TEXT,               -- NULL: it had none
    to_finding   TEXT,
    frame_pk     INTEGER NOT NULL REFERENCES frame (id),  -- the frame that was segmented
    overlap      REAL    NOT NULL,   -- intersection over union of the rectangles
    at           TEXT    NOT NULL
) STRICT;
CREATE INDEX label_move_from ON label_move (from_finding);

CREATE TRIGGER label_move_stays BEFORE DELETE ON label_move
BEGIN SELECT RAISE(ABORT, 'moves of labels are only added to'); END;
CREATE TRIGGER label_move_is_final BEFORE UPDATE ON label_move
BEGIN SELECT RAISE(ABORT, 'moves of labels are only added to'); END;

-- Objects that people drew, and what a worker measured of them.
CREATE TABLE drawn (
    object_id   INTEGER PRIMARY KEY REFERENCES labelled (id),
    number      INTEGER NOT NULL,    -- within its frame
    frame_pk    INTEGER NOT NULL REFERENCES frame (id),
    state       TEXT    NOT NULL CHECK (state IN ('waiting', 'measured', 'not measured')),
    reason      TEXT    NOT NULL DEFAULT '',
    feature_set TEXT,
    features    BLOB,                -- float32, one row
    finding     TEXT,                -- JSON: the finding as it was measured and recognised
    model_id    TEXT,
    UNIQUE (frame_pk, number)
) STRICT;
CREATE INDEX drawn_waiting ON drawn (object_id) WHERE state = 'waiting';

-- Answers too long for the audit, for the same order sent again.
CREATE TABLE label_reply (
    cmd_id TEXT PRIMARY KEY REFERENCES audit (cmd_id),
    reply  BLOB NOT NULL             -- zlib
) STRICT, WITHOUT ROWID;
