-- Schema 1 of the registry. Times are microseconds since 1970 UTC. Intervals are [from, until).

CREATE TABLE setting (
  key   TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE patient (
  id         TEXT PRIMARY KEY,
  name       TEXT,
  birth_date TEXT,
  sex        TEXT,
  tags       TEXT NOT NULL,               -- JSON array of text, sorted
  active     INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE patient_identifier (
  system TEXT NOT NULL,
  value  TEXT NOT NULL,
  owner  TEXT NOT NULL REFERENCES patient(id),
  PRIMARY KEY (system, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX patient_identifier_owner ON patient_identifier (owner);

CREATE TABLE device (
  id           TEXT PRIMARY KEY,
  name         TEXT,
  kind         TEXT,
  manufacturer TEXT,
  model        TEXT,
  serial       TEXT,
  site         TEXT,
  gateway      TEXT,
  active       INTEGER NOT NULL,
  created_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE device_identifier (
  system TEXT NOT NULL,
  value  TEXT NOT NULL,
  owner  TEXT NOT NULL REFERENCES device(id),
  PRIMARY KEY (system, value)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_identifier_owner ON device_identifier (owner);

CREATE TABLE bed (
  id    TEXT PRIMARY KEY,
  label TEXT NOT NULL UNIQUE,
  site  TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE stay (
  id         INTEGER PRIMARY KEY AUTOINCREMENT,
  bed        TEXT NOT NULL REFERENCES bed(id),
  patient    TEXT NOT NULL REFERENCES patient(id),
  from_at    INTEGER NOT NULL,
  until_at   INTEGER,
  author     TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  ended_by   TEXT,
  CHECK (until_at IS NULL OR until_at > from_at)
) STRICT;
CREATE INDEX stay_bed ON stay (bed, from_at);
CREATE INDEX stay_patient ON stay (patient);

CREATE TABLE assignment (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  device      TEXT NOT NULL REFERENCES device(id),
  device_user TEXT,                       -- NULL covers every user and channel
  patient     TEXT NOT NULL REFERENCES patient(id),
  from_at     INTEGER NOT NULL,
  until_at    INTEGER,
  author      TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  changed_by  TEXT,
  changed_at  INTEGER,
  cancelled   INTEGER NOT NULL DEFAULT 0,
  CHECK (until_at IS NULL OR until_at > from_at)
) STRICT;
CREATE INDEX assignment_device ON assignment (device, from_at);
CREATE INDEX assignment_patient ON assignment (patient);
CREATE INDEX assignment_from ON assignment (from_at DESC, id);

CREATE TABLE token (
  name       TEXT PRIMARY KEY,
  role       TEXT NOT NULL,
  hash       BLOB NOT NULL UNIQUE,        -- SHA-256 of the secret
  site       TEXT,
  gateway    TEXT,
  device     TEXT,
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  last_used  INTEGER,
  revoked_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE token_san (
  uri   TEXT PRIMARY KEY,
  token TEXT NOT NULL REFERENCES token(name)
) STRICT, WITHOUT ROWID;

CREATE TABLE audit (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  at          INTEGER NOT NULL,
  actor       TEXT,
  role        TEXT,
  action      TEXT NOT NULL,
  route       TEXT NOT NULL,
  patients    TEXT NOT NULL,              -- JSON array of opaque ids
  any_patient INTEGER NOT NULL,
  outcome     TEXT NOT NULL,
  status      INTEGER,
  request_id  TEXT NOT NULL,
  client      TEXT,
  detail      TEXT,
  repeats     INTEGER NOT NULL,
  continues   INTEGER,                    -- row of the stream this one adds patients to
  hash        BLOB NOT NULL               -- SHA-256 of the hash before and this row
) STRICT;
CREATE INDEX audit_actor ON audit (actor, id);
CREATE INDEX audit_at ON audit (at);
CREATE TABLE audit_patient (
  patient TEXT NOT NULL,
  audit   INTEGER NOT NULL REFERENCES audit(id),
  PRIMARY KEY (patient, audit)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER audit_append_only_update BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
CREATE TRIGGER audit_append_only_delete BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;

CREATE TABLE alert_event (
  id          INTEGER PRIMARY KEY AUTOINCREMENT,
  seq             INTEGER NOT NULL,
  ordinal         INTEGER NOT NULL,
  alert_id        TEXT NOT NULL,
  rule_id         TEXT NOT NULL,
  rule_version    TEXT NOT NULL,
  subject         TEXT NOT NULL,
  device_id       TEXT,
  class           TEXT NOT NULL,
  priority        TEXT NOT NULL,
  event           TEXT NOT NULL,
  state           TEXT NOT NULL,
  acknowledged_by TEXT,
  acknowledged_at INTEGER,
  silenced_until  INTEGER,
  escalation_level INTEGER NOT NULL,
  onset           INTEGER NOT NULL,
  ended           INTEGER,
  event_time      INTEGER NOT NULL,
  processed_time  INTEGER NOT NULL,
  value           REAL,
  unit            TEXT,
  message         TEXT NOT NULL,
  evidence        TEXT NOT NULL,          -- JSON array of observation ids
  page            INTEGER NOT NULL,
  reason          TEXT,
  UNIQUE (seq, ordinal)
) STRICT;
CREATE INDEX alert_event_alert ON alert_event (alert_id, id);

CREATE TABLE alert (
  id           TEXT PRIMARY KEY,
  first_event  INTEGER NOT NULL REFERENCES alert_event(id),
  last_event   INTEGER NOT NULL REFERENCES alert_event(id),
  last_seq     INTEGER NOT NULL,
  last_ordinal INTEGER NOT NULL,
  raised_at    INTEGER NOT NULL,
  patient      TEXT,
  device       TEXT,
  rule         TEXT NOT NULL,
  class        TEXT NOT NULL,
  priority     TEXT NOT NULL,
  state        TEXT NOT NULL,
  acknowledged INTEGER NOT NULL,
  onset        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_onset ON alert (onset DESC, id);
CREATE INDEX alert_patient ON alert (patient, onset DESC);
CREATE INDEX alert_open ON alert (state, onset DESC) WHERE state <> 'resolved';

CREATE TABLE outbox (
  id              INTEGER PRIMARY KEY AUTOINCREMENT,
  event           INTEGER NOT NULL REFERENCES alert_event(id),
  alert_id        TEXT NOT NULL,
  destination     TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  attempts        INTEGER NOT NULL DEFAULT 0,
  next_attempt    INTEGER NOT NULL,
  state           TEXT NOT NULL DEFAULT 'pending',
  last_error      TEXT,
  created_at      INTEGER NOT NULL,
  payload         BLOB NOT NULL,
  UNIQUE (event, destination)
) STRICT;
CREATE INDEX outbox_due ON outbox (next_attempt) WHERE state = 'pending';
CREATE INDEX outbox_order ON outbox (destination, alert_id, id) WHERE state = 'pending';
CREATE INDEX outbox_dead ON outbox (id) WHERE state = 'dead';
CREATE INDEX outbox_delivered ON outbox (created_at) WHERE state = 'delivered';

CREATE TABLE checkpoint (
  one             INTEGER PRIMARY KEY CHECK (one = 1),
  position        INTEGER NOT NULL,
  ruleset_version TEXT NOT NULL,
  state           BLOB NOT NULL,
  sha256          BLOB NOT NULL,
  saved_at        INTEGER NOT NULL
) STRICT;

CREATE TABLE position (
  name  TEXT PRIMARY KEY,
  value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
