-- Alerts to people: limits, silences, notifications and what became of them, links that
-- acknowledge; the ward and care team of a patient.

ALTER TABLE patient ADD COLUMN ward TEXT;
ALTER TABLE patient ADD COLUMN care_team TEXT;
-- The last change of the ward: when, and from which.
ALTER TABLE patient ADD COLUMN ward_since INTEGER;
ALTER TABLE patient ADD COLUMN ward_before TEXT;

ALTER TABLE alert_event ADD COLUMN limit_low REAL;
ALTER TABLE alert_event ADD COLUMN limit_high REAL;
ALTER TABLE alert_event ADD COLUMN limit_source TEXT;
ALTER TABLE alert_event ADD COLUMN latched INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alert_event ADD COLUMN silenced_by TEXT;
ALTER TABLE alert_event ADD COLUMN repeats INTEGER NOT NULL DEFAULT 0;

CREATE TABLE rule_limit (
  id          TEXT PRIMARY KEY,
  scope       TEXT NOT NULL,              -- ward or patient
  owner       TEXT NOT NULL,              -- opaque id of it
  rule        TEXT NOT NULL,
  off         INTEGER NOT NULL,
  above       REAL,
  below       REAL,
  clear_above REAL,
  clear_below REAL,
  unit        TEXT,
  from_at     INTEGER NOT NULL,
  until_at    INTEGER,
  author      TEXT NOT NULL,
  reason      TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  reviewed_at INTEGER,
  reviewed_by TEXT,
  ended_at    INTEGER,                    -- holds no more from here on, whatever until_at says
  ended_by    TEXT,
  CHECK (until_at IS NULL OR until_at > from_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX rule_limit_owner ON rule_limit (scope, owner, rule, from_at);
CREATE INDEX rule_limit_from ON rule_limit (from_at DESC, id);

CREATE TABLE silence (
  id         TEXT PRIMARY KEY,
  patient    TEXT,
  rule       TEXT,
  device     TEXT,
  ward       TEXT,
  class      TEXT,
  from_at    INTEGER NOT NULL,
  until_at   INTEGER NOT NULL,
  author     TEXT NOT NULL,
  reason     TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  ended_at   INTEGER,
  ended_by   TEXT,
  CHECK (until_at > from_at)
) STRICT, WITHOUT ROWID;
CREATE INDEX silence_from ON silence (from_at DESC, id);
CREATE INDEX silence_until ON silence (until_at);

CREATE TABLE notification (
  id           TEXT PRIMARY KEY,
  seq          INTEGER NOT NULL,
  at           INTEGER NOT NULL,
  kind         TEXT NOT NULL,
  channel      TEXT NOT NULL,
  recipient    TEXT,
  address      TEXT,
  grouped      TEXT NOT NULL,
  priority     TEXT NOT NULL,
  route        TEXT NOT NULL,
  -- As its outbox entry has it; stays when that is pruned.
  state        TEXT NOT NULL DEFAULT 'pending',
  attempts     INTEGER NOT NULL DEFAULT 0,
  last_error   TEXT,
  delivered_at INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX notification_at ON notification (at DESC, id);

CREATE TABLE notification_alert (
  alert_id     TEXT NOT NULL,
  notification TEXT NOT NULL REFERENCES notification(id),
  ordinal      INTEGER NOT NULL,
  PRIMARY KEY (alert_id, notification)
) STRICT, WITHOUT ROWID;
CREATE INDEX notification_alert_of ON notification_alert (notification, ordinal);

CREATE TABLE not_watched (
  alert_id TEXT NOT NULL,
  seq      INTEGER NOT NULL,
  calendar TEXT NOT NULL,
  at       INTEGER NOT NULL,
  until_at INTEGER,                       -- when it opens
  PRIMARY KEY (alert_id, seq, calendar)
) STRICT, WITHOUT ROWID;

CREATE TABLE unrouted (
  alert_id TEXT NOT NULL,
  seq      INTEGER NOT NULL,
  PRIMARY KEY (alert_id, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE ack_token (
  hash       BLOB PRIMARY KEY,            -- SHA-256 of the secret
  alerts     TEXT NOT NULL,               -- JSON array of alert ids
  recipient  TEXT,
  channel    TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  used_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX ack_token_expires ON ack_token (expires_at);

-- Deliveries of events whose outbox entries were pruned.
CREATE TABLE delivered (
  alert_id    TEXT NOT NULL,
  destination TEXT NOT NULL,
  entries     INTEGER NOT NULL,
  last_at     INTEGER,
  PRIMARY KEY (alert_id, destination)
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox_v2 (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  event           INTEGER REFERENCES alert_event(id),
  notification    TEXT REFERENCES notification(id),
  alert_id        TEXT,                   -- of an event
  stream          TEXT NOT NULL,          -- entries of one stream go to one destination in order
  destination     TEXT NOT NULL,
  recipient       TEXT,
  address         TEXT,
  idempotency_key TEXT NOT NULL,
  attempts        INTEGER NOT NULL DEFAULT 0,
  next_attempt    INTEGER NOT NULL,
  state           TEXT NOT NULL DEFAULT 'pending',
  last_error      TEXT,
  created_at      INTEGER NOT NULL,
  delivered_at    INTEGER,
  payload         BLOB NOT NULL,
  UNIQUE (event, destination),
  UNIQUE (notification),
  CHECK ((event IS NULL) <> (notification IS NULL))
) STRICT;
INSERT INTO outbox_v2 (id, event, alert_id, stream, destination, idempotency_key, attempts, next_attempt, state,
    last_error, created_at, payload)
  SELECT id, event, alert_id, alert_id, destination, idempotency_key, attempts, next_attempt, state, last_error,
    created_at, payload FROM outbox;
DROP TABLE outbox;
ALTER TABLE outbox_v2 RENAME TO outbox;
CREATE INDEX outbox_due ON outbox (next_attempt) WHERE state = 'pending';
CREATE INDEX outbox_order ON outbox (destination, stream, id) WHERE state = 'pending';
CREATE INDEX outbox_dead ON outbox (id) WHERE state = 'dead';
CREATE INDEX outbox_delivered ON outbox (coalesce(delivered_at, created_at)) WHERE state = 'delivered';
CREATE INDEX outbox_alert ON outbox (alert_id) WHERE alert_id IS NOT NULL;
