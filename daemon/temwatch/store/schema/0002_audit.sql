-- Who ordered what. Rows are added, never changed or removed; only what came of an order is filled in, once.

CREATE TABLE audit (
    id             INTEGER PRIMARY KEY,
    at             TEXT NOT NULL,
    name           TEXT NOT NULL,
    known          TEXT NOT NULL CHECK (known IN ('key', 'declared')),
    key            TEXT NOT NULL,        -- the key's fingerprint; empty where the name is only declared
    role           TEXT NOT NULL,
    cmd            TEXT NOT NULL,
    cmd_id         TEXT NOT NULL UNIQUE,
    request_sha256 TEXT NOT NULL,        -- of cmd and args
    args           TEXT,                 -- JSON; null where they are long
    outcome        TEXT,                 -- 'done' or the code of a refusal; null: begun, and not known to have ended
    reply          BLOB                  -- the answer's JSON, for the same order sent again; null where it is long
) STRICT;

CREATE TRIGGER audit_stays BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;

CREATE TRIGGER audit_is_settled_once BEFORE UPDATE ON audit
WHEN OLD.outcome IS NOT NULL OR NEW.id <> OLD.id OR NEW.at <> OLD.at OR NEW.name <> OLD.name
    OR NEW.known <> OLD.known OR NEW.key <> OLD.key OR NEW.role <> OLD.role OR NEW.cmd <> OLD.cmd
    OR NEW.cmd_id <> OLD.cmd_id OR NEW.request_sha256 <> OLD.request_sha256 OR NEW.args IS NOT OLD.args
BEGIN SELECT RAISE(ABORT, 'the audit is only added to'); END;
